import { corruptTar, paddedBytes, type SparseSegment } from './tar-entry.ts';
import { parseNumber } from './tar-header.ts';

/** One pair of a sparse map: where in the file, and how many bytes. */
export interface SparsePair {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The pairs in an old GNU header (4 at 386) or its continuation (21 at 0). An all-zero pair ends the list. */
export function parseOldSparsePairs(block: Buffer, start: number, count: number, offset: number): SparsePair[] {
  const pairs: SparsePair[] = [];
  for (let i = 0; i < count; i++) {
    const at = start + i * 24;
    if (block[at] === 0) break;
    pairs.push({
      offset: parseNumber(block, at, 12, 'sparse offset', offset),
      lengthBytes: parseNumber(block, at + 12, 12, 'sparse size', offset),
    });
  }
  return pairs;
}

/** GNU.sparse.map of format 0.1: `offset,size,offset,size`. */
export function parseSparseList(numbers: readonly string[]): SparsePair[] {
  if (numbers.length % 2 !== 0) throw corruptTar('a sparse map has an odd number of values');
  const pairs: SparsePair[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    pairs.push({ offset: decimal(numbers[i]), lengthBytes: decimal(numbers[i + 1]) });
  }
  return pairs;
}

/** Format 1.0: the count and then the pairs as decimal numbers, one a line, at the start of the data. `data` holds all of it. */
export function parseSparseMap(data: Buffer): SparsePair[] {
  const lines = data.toString('latin1', 0, data.length).split('\n');
  return parseSparseList(lines.slice(1, 1 + 2 * decimal(lines[0])));
}

function decimal(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw corruptTar(`a sparse map has the value ${JSON.stringify(text)}`);
  }
  return value;
}

/** Checks a map against the file's and the stored size, and says where in the archive each part lies. */
export function placeSegments(
  pairs: readonly SparsePair[],
  sizeBytes: number,
  dataOffset: number,
  dataBytes: number,
): SparseSegment[] {
  const segments: SparseSegment[] = [];
  let fileEnd = 0;
  let tarOffset = dataOffset;
  for (const { offset, lengthBytes } of pairs) {
    if (offset < fileEnd || lengthBytes < 0 || offset + lengthBytes > sizeBytes) {
      throw corruptTar(`a sparse map has a part at ${offset} of ${lengthBytes} bytes in a file of ${sizeBytes}`);
    }
    fileEnd = offset + lengthBytes;
    if (lengthBytes === 0) continue;
    if (tarOffset + lengthBytes > dataOffset + dataBytes) {
      throw corruptTar(`a sparse map needs more than the ${dataBytes} bytes that are stored`);
    }
    segments.push({ offset, lengthBytes, tarOffset });
    tarOffset += paddedBytes(lengthBytes);
  }
  return segments;
}
