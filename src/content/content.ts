import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#/base/clock.ts';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import { type Digest, digestOfHex, hexOf } from '#/base/ids.ts';
import { addLeaseItem, deleteAllLeases, deleteLease, insertLease, isLeased } from '#/store/leases.ts';
import type { Store } from '#/store/store.ts';

const READ_CHUNK_BYTES = 1024 * 1024;
const HEX_64 = /^[0-9a-f]{64}$/;

/** A file that is being written and has no digest yet. */
export interface PendingBlob {
  readonly path: string;
  /**
   * Makes the file, which the caller has written and synced, the blob of that digest, for which the caller vouches.
   * Durable when it returns. A blob that is there already stays, and the new file goes.
   */
  commit(digest: Digest): Promise<void>;
  /** Removes the file; tolerates absence. */
  abort(): Promise<void>;
}

/** Protects blobs from removal while they are in flight. Ends with the engine that took it, at the latest. */
export interface Lease extends Disposable {
  add(digest: Digest): void;
}

/**
 * Files by the digest of their bytes, immutable, under `content/blobs/sha256/<hex>`. They come in through `content/ingest/`
 * and a rename, so that a blob that can be seen is whole; opening the store sweeps what an earlier engine left half-written,
 * and its leases.
 */
export class ContentStore {
  readonly #blobs: string;
  readonly #ingest: string;
  readonly #store: Store;
  readonly #clock: Clock;

  constructor({ dataRoot, store, clock }: { dataRoot: string; store: Store; clock: Clock }) {
    this.#blobs = join(dataRoot, 'content', 'blobs', 'sha256');
    this.#ingest = join(dataRoot, 'content', 'ingest');
    this.#store = store;
    this.#clock = clock;
    mkdirSync(this.#blobs, { recursive: true, mode: 0o700 });
    mkdirSync(this.#ingest, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#ingest)) rmSync(join(this.#ingest, name), { recursive: true, force: true });
    deleteAllLeases(store);
  }

  /** Where the blob is or would be. */
  pathOf(digest: Digest): string {
    return join(this.#blobs, hexOf(digest));
  }

  has(digest: Digest): boolean {
    return existsSync(this.pathOf(digest));
  }

  /** Throws not-found. */
  getSize(digest: Digest): number {
    try {
      return statSync(this.pathOf(digest)).size;
    } catch (error) {
      throw this.#missing(digest, error);
    }
  }

  /** Throws not-found. */
  async open(digest: Digest): Promise<FileHandle> {
    try {
      return await open(this.pathOf(digest), 'r');
    } catch (error) {
      throw this.#missing(digest, error);
    }
  }

  /** The blob's bytes from start to end, 1 MiB at a time. Throws not-found. */
  async *read(digest: Digest): AsyncGenerator<Uint8Array> {
    await using file = await this.open(digest);
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(READ_CHUNK_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** A small blob whole. Throws not-found; resource-exhausted where it is larger; data-loss where its bytes changed. */
  async readBlob(digest: Digest, maxBytes: number): Promise<Uint8Array> {
    const sizeBytes = this.getSize(digest);
    if (sizeBytes > maxBytes) {
      throw new EngineError('resource-exhausted', `read blob ${digest}: ${sizeBytes} bytes; the limit is ${maxBytes}`);
    }
    await using file = await this.open(digest);
    const bytes = await file.readFile();
    const actual = digestOfHex(createHash('sha256').update(bytes).digest('hex'));
    if (actual !== digest) throw new EngineError('data-loss', `read blob ${digest}: its bytes have digest ${actual}`);
    return bytes;
  }

  /** Stores a small blob; its digest. Idempotent. */
  async writeBlob(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOfHex(createHash('sha256').update(bytes).digest('hex'));
    if (this.has(digest)) return digest;
    const pending = this.begin();
    try {
      await using file = await open(pending.path, 'wx', 0o600);
      await file.writeFile(bytes);
      await file.sync();
      await pending.commit(digest);
    } catch (error) {
      await pending.abort();
      throw toEngineError(error, `store blob ${digest}`);
    }
    return digest;
  }

  /** A place for a new blob; nothing is made yet. */
  begin(): PendingBlob {
    const path = join(this.#ingest, randomUUID());
    return {
      path,
      commit: async (digest) => {
        await rename(path, this.pathOf(digest));
        await syncDirectory(this.#blobs);
      },
      abort: () => rm(path, { recursive: true, force: true }),
    };
  }

  /** Tolerates absence. Throws conflict while a lease protects the blob. */
  async remove(digest: Digest): Promise<void> {
    if (isLeased(this.#store, digest)) {
      throw new EngineError('conflict', `remove blob ${digest}: it is in use by an operation in progress`);
    }
    await rm(this.pathOf(digest), { force: true });
  }

  list(): readonly Digest[] {
    return readdirSync(this.#blobs)
      .filter((name) => HEX_64.test(name))
      .map(digestOfHex);
  }

  lease(): Lease {
    const id = randomUUID();
    insertLease(this.#store, id, this.#clock.now());
    return {
      add: (digest) => addLeaseItem(this.#store, id, digest),
      [Symbol.dispose]: () => deleteLease(this.#store, id),
    };
  }

  #missing(digest: Digest, error: unknown): EngineError {
    if (errnoOf(error) === 'ENOENT') return new EngineError('not-found', `no such blob: ${digest}`);
    return toEngineError(error, `open blob ${digest}`);
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
