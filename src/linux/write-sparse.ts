import { writeSync } from 'node:fs';

/** Writes at a position, whole; what is all zeros is left out, so that in a new file it becomes a hole. Truncate afterwards. */
export function writeSparse(fd: number, chunk: Buffer, position: number): void {
  if (isZero(chunk)) return;
  for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done, chunk.length - done, position + done);
}

/** Compares the buffer with itself, moved by one. */
const isZero = (chunk: Buffer): boolean => chunk[0] === 0 && chunk.subarray(1).equals(chunk.subarray(0, -1));
