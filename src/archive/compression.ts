import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { EngineError, messageOf } from '#/base/errors.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes that `sniffCompression` wants to see, where there are that many. */
export const SNIFF_BYTES = 6;

const MAGIC: ReadonlyArray<readonly [Compression, readonly number[]]> = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Tells a compression by the first bytes. A zstd stream may begin with a skippable frame. */
export function sniffCompression(start: Uint8Array): Compression {
  const skippable = start.length >= 4 && ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d;
  if (skippable && start[3] === 0x18) return 'zstd';
  return MAGIC.find(([, magic]) => magic.every((byte, i) => start[i] === byte))?.[0] ?? 'none';
}

/** How far a stream may grow when expanded. Zeros compress a thousandfold, so the ratio counts only past `ratioFreeBytes`. */
export interface ExpansionLimits {
  readonly maxBytes: number;
  readonly maxRatio: number;
  readonly ratioFreeBytes: number;
}

export const DEFAULT_EXPANSION_LIMITS: ExpansionLimits = {
  maxBytes: 64 * 1024 ** 3,
  maxRatio: 200,
  ratioFreeBytes: 1024 ** 3,
};

/** Throws resource-exhausted where `expandedBytes` from `compressedBytes` is more than the limits allow. */
export function checkExpansion(compressedBytes: number, expandedBytes: number, limits: ExpansionLimits): void {
  if (expandedBytes > limits.maxBytes) {
    throw new EngineError(
      'resource-exhausted',
      `expand a compressed stream: it grew beyond the limit of ${limits.maxBytes} bytes`,
    );
  }
  if (expandedBytes > limits.ratioFreeBytes && expandedBytes > compressedBytes * limits.maxRatio) {
    throw new EngineError(
      'resource-exhausted',
      `expand a compressed stream: ${compressedBytes} bytes grew to more than ${limits.maxRatio} times their size`,
    );
  }
}

const OUTPUT_CHUNK_BYTES = 1024 * 1024;

/** A transform that expands gzip (of any number of members) or zstd. bzip2 and xz need a host tool: not-implemented. */
export function createExpander(compression: 'gzip' | 'zstd'): Transform {
  const options = { chunkSize: OUTPUT_CHUNK_BYTES, readableHighWaterMark: OUTPUT_CHUNK_BYTES };
  return compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
}

/** The error for compressed bytes that make no sense. */
export const corruptCompression = (compression: Compression, cause: unknown): EngineError =>
  new EngineError('data-loss', `expand ${compression}: ${messageOf(cause)}`, { cause });

/** The source as it is, or expanded if its first bytes say that it is compressed. */
export async function* expand(
  source: AsyncIterable<Uint8Array>,
  limits: ExpansionLimits = DEFAULT_EXPANSION_LIMITS,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const { start, compression } = await readStart(chunks);
  try {
    if (compression === 'none') {
      yield* start;
      yield* { [Symbol.asyncIterator]: () => chunks };
    } else if (compression === 'gzip' || compression === 'zstd') {
      yield* expandWith(compression, start, chunks, limits);
    } else {
      throw new EngineError('not-implemented', `expand a stream: ${compression} is not supported; gzip and zstd are`);
    }
  } finally {
    await chunks.return?.();
  }
}

async function readStart(
  chunks: AsyncIterator<Uint8Array>,
): Promise<{ readonly start: Uint8Array[]; readonly compression: Compression }> {
  const start: Uint8Array[] = [];
  let length = 0;
  while (length < SNIFF_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    start.push(next.value);
    length += next.value.length;
  }
  return { start, compression: sniffCompression(Buffer.concat(start).subarray(0, SNIFF_BYTES)) };
}

async function* expandWith(
  compression: 'gzip' | 'zstd',
  start: readonly Uint8Array[],
  chunks: AsyncIterator<Uint8Array>,
  limits: ExpansionLimits,
): AsyncGenerator<Uint8Array> {
  const expander = createExpander(compression);
  let compressedBytes = 0;
  let expandedBytes = 0;
  let sourceError: unknown;
  const feed = async (): Promise<void> => {
    const push = async (chunk: Uint8Array): Promise<void> => {
      compressedBytes += chunk.length;
      if (!expander.write(chunk)) {
        await new Promise<void>((resolve) => {
          expander.once('drain', resolve);
          expander.once('close', resolve);
        });
      }
    };
    for (const chunk of start) await push(chunk);
    for (let next = await chunks.next(); next.done !== true && !expander.destroyed; next = await chunks.next()) {
      await push(next.value);
    }
    expander.end();
  };
  const feeding = feed().catch((error: unknown) => {
    sourceError = error;
    expander.destroy(new Error('source failed'));
  });
  try {
    for await (const data of expander) {
      expandedBytes += data.length;
      checkExpansion(compressedBytes, expandedBytes, limits);
      yield data;
    }
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    throw error instanceof EngineError ? error : corruptCompression(compression, error);
  } finally {
    expander.destroy();
    await feeding;
  }
}
