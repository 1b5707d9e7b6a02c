import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Transform } from 'node:stream';
import {
  type Compression,
  checkExpansion,
  corruptCompression,
  createExpander,
  type ExpansionLimits,
  SNIFF_BYTES,
  sniffCompression,
} from '#/archive/compression.ts';
import type { TarLimits } from '#/archive/tar-entry.ts';
import { TarScanner } from '#/archive/tar-scanner.ts';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { type DiffId, type Digest, digestOfHex, parseDiffId } from '#/base/ids.ts';
import { type DerivedLayer, deriveFromTree, type LayerForm } from './derive.ts';
import { TreeBuilder } from './tree-builder.ts';

export interface IngestRequest {
  readonly tarPath: string;
  readonly outputPath: string;
  readonly form: LayerForm;
  readonly limits: TarLimits & ExpansionLimits;
  readonly expectedDigest?: Digest;
  readonly expectedDiffId?: DiffId;
  readonly expectedSizeBytes?: number;
  /** Only check: the layer is stored already. */
  readonly discard: boolean;
}

export interface IngestResult {
  readonly diffId: DiffId;
  readonly sizeBytes: number;
  readonly blobDigest: Digest;
  readonly blobSizeBytes: number;
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly derived: DerivedLayer | undefined;
}

/** Writing back starts this often, so that the sync at the end has little left to do. */
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024;

/**
 * One layer on its way in: the bytes are expanded, hashed (before and after), written and scanned in one pass. After `end`
 * the tar and what is derived from it are on disk at the paths of the request, under temporary names still.
 */
export class IngestJob {
  readonly #request: IngestRequest;
  readonly #blobHash = createHash('sha256');
  readonly #builder = new TreeBuilder();
  readonly #scanner: TarScanner;
  #tarHash = this.#blobHash;
  #file: FileHandle | undefined;
  #compression: Compression | undefined;
  #expander: Transform | undefined;
  #expanding: Promise<void> | undefined;
  #blobBytes = 0;
  #tarBytes = 0;
  #flushedBytes = 0;
  #flushing: Promise<void> | undefined;
  #flushError: unknown;

  constructor(request: IngestRequest) {
    this.#request = request;
    this.#scanner = new TarScanner({ onEntry: (entry) => this.#builder.add(entry) }, request.limits);
  }

  /** One piece; the first must hold the first bytes of the stream. The caller may reuse it when this resolves. */
  async push(piece: Buffer): Promise<void> {
    this.#blobBytes += piece.length;
    const { expectedSizeBytes } = this.#request;
    if (expectedSizeBytes !== undefined && this.#blobBytes > expectedSizeBytes) {
      throw new EngineError('data-loss', `store layer: more than the ${expectedSizeBytes} bytes that were announced`);
    }
    if (this.#compression === undefined) await this.#begin(piece);
    if (this.#expander === undefined) {
      await this.#store(piece);
    } else {
      this.#blobHash.update(piece);
      await this.#expand(this.#expander, piece);
    }
  }

  async end(): Promise<IngestResult> {
    if (this.#compression === undefined) await this.#begin(Buffer.alloc(0));
    this.#expander?.end();
    await this.#expanding;
    this.#scanner.end();
    const result = this.#verify();
    if (this.#request.discard) return { ...result, derived: undefined };
    await this.#flushing;
    if (this.#flushError !== undefined) throw this.#flushError;
    // The sync of the tar waits for the disk, the index for the processor.
    const [derived] = await Promise.all([deriveFromTree(this.#builder.finish(), this.#request), this.#file?.sync()]);
    await this.#file?.close();
    return { ...result, derived };
  }

  /** Leaves nothing behind. Idempotent. */
  async abort(): Promise<void> {
    this.#expander?.destroy();
    await this.#expanding?.catch(() => {});
    await this.#flushing;
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    await rm(this.#request.tarPath, { force: true });
    await rm(this.#request.outputPath, { recursive: true, force: true });
    await rm(`${this.#request.outputPath}.inode`, { recursive: true, force: true });
  }

  async #begin(first: Buffer): Promise<void> {
    this.#compression = sniffCompression(first.subarray(0, SNIFF_BYTES));
    if (this.#compression === 'bzip2' || this.#compression === 'xz') {
      throw new EngineError(
        'not-implemented',
        `store layer: it is compressed with ${this.#compression}; gzip and zstd are supported`,
      );
    }
    if (!this.#request.discard) {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
      this.#file = await open(this.#request.tarPath, flags, 0o600);
    }
    if (this.#compression === 'none') return;
    this.#tarHash = createHash('sha256');
    this.#expander = createExpander(this.#compression);
    this.#expanding = this.#drain(this.#expander, this.#compression);
    this.#expanding.catch(() => {});
  }

  async #expand(expander: Transform, piece: Buffer): Promise<void> {
    // Waiting for the callback, not for 'drain': the piece is the caller's again afterwards.
    await new Promise<void>((resolve) => {
      expander.once('close', resolve);
      expander.write(piece, () => {
        expander.off('close', resolve);
        resolve();
      });
    });
    if (expander.destroyed) await this.#expanding;
  }

  async #drain(expander: Transform, compression: Compression): Promise<void> {
    try {
      for await (const data of expander) await this.#store(data);
    } catch (error) {
      throw error instanceof EngineError ? error : asStreamError(error, compression);
    }
  }

  async #store(data: Buffer): Promise<void> {
    this.#tarBytes += data.length;
    const expandedFrom = this.#compression === 'none' ? Number.POSITIVE_INFINITY : this.#blobBytes;
    checkExpansion(expandedFrom, this.#tarBytes, this.#request.limits);
    const writing = this.#write(data);
    // Hashing here while the write goes on in a thread of its own.
    try {
      this.#tarHash.update(data);
      this.#scanner.write(data);
    } finally {
      await writing;
    }
    this.#flushSometimes();
  }

  async #write(data: Buffer): Promise<void> {
    if (this.#file === undefined) return;
    try {
      let done = 0;
      while (done < data.length) done += (await this.#file.write(data, done)).bytesWritten;
    } catch (error) {
      throw toEngineError(error, 'store layer');
    }
  }

  #flushSometimes(): void {
    if (this.#file === undefined || this.#flushing !== undefined) return;
    if (this.#flushError !== undefined) throw this.#flushError;
    if (this.#tarBytes - this.#flushedBytes < FLUSH_EVERY_BYTES) return;
    this.#flushedBytes = this.#tarBytes;
    this.#flushing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#flushError = toEngineError(error, 'store layer');
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  #verify(): Omit<IngestResult, 'derived'> {
    const { expectedDigest, expectedDiffId, expectedSizeBytes } = this.#request;
    const blobDigest = digestOfHex(this.#blobHash.digest('hex'));
    const diffId =
      this.#tarHash === this.#blobHash
        ? parseDiffId(blobDigest)
        : parseDiffId(digestOfHex(this.#tarHash.digest('hex')));
    if (expectedSizeBytes !== undefined && this.#blobBytes !== expectedSizeBytes) {
      throw new EngineError(
        'data-loss',
        `store layer: ${this.#blobBytes} bytes came; ${expectedSizeBytes} were announced`,
      );
    }
    if (expectedDigest !== undefined && blobDigest !== expectedDigest) {
      throw new EngineError('data-loss', `store layer: its digest is ${blobDigest}; ${expectedDigest} was expected`);
    }
    if (expectedDiffId !== undefined && diffId !== expectedDiffId) {
      throw new EngineError('data-loss', `store layer: its diff id is ${diffId}; ${expectedDiffId} was expected`);
    }
    const compression = this.#compression === 'gzip' || this.#compression === 'zstd' ? this.#compression : 'none';
    return { diffId, sizeBytes: this.#tarBytes, blobDigest, blobSizeBytes: this.#blobBytes, compression };
  }
}

/** Errors of the expander are errors of the data; those of the disk pass as they are. */
function asStreamError(error: unknown, compression: Compression): EngineError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('Z_') || code.startsWith('ZSTD_') || code === '' || code.startsWith('ERR_')
    ? corruptCompression(compression, error)
    : toEngineError(error, 'store layer');
}
