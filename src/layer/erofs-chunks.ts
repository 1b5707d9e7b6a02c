import type { SparseSegment } from '#/archive/tar-entry.ts';
import { BLOCK_BITS, BLOCK_BYTES, HOLE } from './erofs-format.ts';

/**
 * How a file's bytes are found. `blocks` has one address per chunk of `512 << chunkBits` bytes, in the tar; `mixed` lists
 * chunks (of one block) that must be put together from several places and are stored in the index instead.
 */
export interface ChunkPlan {
  readonly chunkBits: number;
  readonly blocks: Float64Array;
  readonly mixed: readonly MixedBlock[];
}

export interface MixedBlock {
  readonly chunk: number;
  readonly pieces: ReadonlyArray<{ readonly tarOffset: number; readonly lengthBytes: number; readonly at: number }>;
}

const CHUNK_BITS_MAX = 31;

/** One chunk that holds the whole file. */
export function chunkBitsFor(sizeBytes: number): number {
  let bits = 0;
  while (BLOCK_BYTES * 2 ** bits < sizeBytes && bits < CHUNK_BITS_MAX) bits++;
  return bits;
}

/** How many chunks a sparse file needs; the caller refuses to index more than it likes. */
export function countSparseChunks(sizeBytes: number, segments: readonly SparseSegment[]): number {
  return Math.ceil(sizeBytes / (BLOCK_BYTES * 2 ** sparseChunkBits(sizeBytes, segments)));
}

export function planWholeFile(sizeBytes: number, tarOffset: number): ChunkPlan {
  return { chunkBits: chunkBitsFor(sizeBytes), blocks: Float64Array.of(tarOffset / BLOCK_BYTES), mixed: [] };
}

export function planSparseFile(sizeBytes: number, segments: readonly SparseSegment[]): ChunkPlan {
  const chunkBits = sparseChunkBits(sizeBytes, segments);
  const chunkBytes = BLOCK_BYTES * 2 ** chunkBits;
  const blocks = new Float64Array(Math.ceil(sizeBytes / chunkBytes)).fill(HOLE);
  const mixed = new Map<number, MixedBlock['pieces'][number][]>();
  for (const { offset, lengthBytes, tarOffset } of segments) {
    const end = offset + lengthBytes;
    for (let chunk = Math.floor(offset / chunkBytes); chunk * chunkBytes < end; chunk++) {
      const start = chunk * chunkBytes;
      const from = Math.max(start, offset);
      const to = Math.min(start + chunkBytes, end);
      const whole = from === start && (to === start + chunkBytes || to === sizeBytes);
      const source = tarOffset + (from - offset);
      if (whole && source % BLOCK_BYTES === 0) {
        blocks[chunk] = source / BLOCK_BYTES;
        continue;
      }
      const pieces = mixed.get(chunk) ?? [];
      pieces.push({ tarOffset: source, lengthBytes: to - from, at: from - start });
      mixed.set(chunk, pieces);
    }
  }
  return { chunkBits, blocks, mixed: [...mixed].map(([chunk, pieces]) => ({ chunk, pieces })) };
}

/** The largest chunk whose borders all borders between data and holes lie on. */
function sparseChunkBits(sizeBytes: number, segments: readonly SparseSegment[]): number {
  const borders = segments.flatMap(({ offset, lengthBytes }) =>
    offset + lengthBytes === sizeBytes ? [offset] : [offset, offset + lengthBytes],
  );
  let bits = chunkBitsFor(sizeBytes);
  while (bits > 0 && borders.some((border) => border % 2 ** (bits + BLOCK_BITS) !== 0)) bits--;
  return bits;
}
