import { createHash } from 'node:crypto';
import { expand, sniffCompression } from '#/archive/compression.ts';
import { readTar } from '#/archive/tar-reader.ts';
import { EngineError } from '#/base/errors.ts';
import { type DiffId, type Digest, digestOfHex, parseDiffId } from '#/base/ids.ts';
import type { IngestedLayer, IngestOptions, LayerStore } from '#/layer/layer.ts';

const digestOf = (bytes: Uint8Array): Digest => digestOfHex(createHash('sha256').update(bytes).digest('hex'));

/** A layer store that keeps tars in memory and mounts nothing, for tests of what stands above it. */
export class MemoryLayers implements LayerStore {
  readonly kind = 'unpacked';
  readonly #tars = new Map<DiffId, Buffer>();
  /** Called before a layer is stored; a test may wait or throw there. */
  beforeStore: (diffId: DiffId) => Promise<void> = async () => {};
  ingesting = 0;

  async ingest(source: AsyncIterable<Uint8Array>, options: IngestOptions): Promise<IngestedLayer> {
    this.ingesting++;
    try {
      return await this.#ingest(source, options);
    } finally {
      this.ingesting--;
    }
  }

  async #ingest(source: AsyncIterable<Uint8Array>, options: IngestOptions): Promise<IngestedLayer> {
    const blob = await collect(source);
    if (options.expectedSizeBytes !== undefined && options.expectedSizeBytes !== blob.byteLength) {
      throw new EngineError('data-loss', `layer has ${blob.byteLength} bytes, expected ${options.expectedSizeBytes}`);
    }
    const blobDigest = digestOf(blob);
    if (options.expectedDigest !== undefined && options.expectedDigest !== blobDigest) {
      throw new EngineError('data-loss', `layer has the digest ${blobDigest}, expected ${options.expectedDigest}`);
    }
    const tar = await collect(expand(piecesOf(blob)));
    for await (const _member of readTar(piecesOf(tar))) options.signal?.throwIfAborted();
    const diffId = parseDiffId(digestOf(tar));
    await this.beforeStore(diffId);
    options.signal?.throwIfAborted();
    const isNew = !this.#tars.has(diffId);
    this.#tars.set(diffId, tar);
    const compression = sniffCompression(blob);
    if (compression === 'bzip2' || compression === 'xz') throw new Error('unreachable: expand refuses it');
    return { diffId, sizeBytes: tar.byteLength, blobDigest, blobSizeBytes: blob.byteLength, compression, isNew };
  }

  has(diffId: DiffId): boolean {
    return this.#tars.has(diffId);
  }

  getUsage(diffId: DiffId): { readonly tarBytes: number; readonly indexBytes: number } {
    return { tarBytes: this.#get(diffId).byteLength, indexBytes: 0 };
  }

  read(diffId: DiffId): AsyncIterable<Uint8Array> {
    return piecesOf(this.#get(diffId));
  }

  async remove(diffId: DiffId): Promise<void> {
    await Promise.resolve();
    this.#tars.delete(diffId);
  }

  list(): readonly DiffId[] {
    return [...this.#tars.keys()];
  }

  #get(diffId: DiffId): Buffer {
    const tar = this.#tars.get(diffId);
    if (tar === undefined) throw new EngineError('not-found', `no such layer: ${diffId}`);
    return tar;
  }

  prepareRoot(): never {
    throw new Error('a memory layer store has no roots');
  }
  mountRoot = this.prepareRoot;
  unmountRoot = this.prepareRoot;
  removeRoot = this.prepareRoot;
  mountLayers = this.prepareRoot;
  getRootUsage = this.prepareRoot;
  listRoots = this.prepareRoot;
  async close(): Promise<void> {}
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Pieces of awkward size, so that nothing depends on where chunks end. */
export async function* piecesOf(bytes: Buffer, pieceBytes = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    await Promise.resolve();
    yield bytes.subarray(at, at + pieceBytes);
  }
}
