import type { LogFile } from './log-files.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const PARTIAL = 0x50;
/** Where the tag stands in an entry: conmon's time has 35 characters, the stream's name 6 (`k8s-file.ts`). */
const TAG_OFFSET = 43;

export interface LogPosition {
  /** Index into the files, oldest first. */
  readonly fileIndex: number;
  readonly offset: number;
}

/**
 * Where the last `lines` lines of the files (oldest first) begin. A line is what the container wrote up to a newline: the
 * monitor may have cut it into several entries, of which all but the last are marked as partial.
 */
export async function findTail(files: readonly LogFile[], lines: number): Promise<LogPosition> {
  const last = files.at(-1);
  if (lines === 0 && last !== undefined) return { fileIndex: files.length - 1, offset: await sizeOf(last) };
  let missing = lines;
  let position: LogPosition | undefined;
  for (let fileIndex = files.length - 1; fileIndex >= 0; fileIndex--) {
    const file = files[fileIndex];
    if (file === undefined) break;
    for await (const entries of entriesBackwards(file)) {
      for (const { offset, isPartial } of entries) {
        // The newest entry ends a line even if it is partial: its rest is not written yet, or never.
        const endsLine = !isPartial || position === undefined;
        if (endsLine && missing === 0 && position !== undefined) return position;
        if (endsLine) missing--;
        position = { fileIndex, offset };
      }
    }
  }
  return position ?? { fileIndex: 0, offset: 0 };
}

const sizeOf = async ({ handle }: LogFile): Promise<number> => (await handle.stat()).size;

/** Where the entries of a file begin, from the last to the first, block by block. */
async function* entriesBackwards(file: LogFile): AsyncGenerator<{ offset: number; isPartial: boolean }[]> {
  const size = await sizeOf(file);
  // Room behind each block for the head of an entry that begins at its end.
  const block = Buffer.alloc(BLOCK_BYTES + TAG_OFFSET + 2);
  for (let end = size; end > 0; end -= Math.min(end, BLOCK_BYTES)) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const length = Math.min(size - start, end - start + TAG_OFFSET + 2);
    await file.handle.read(block, 0, length, start);
    const entry = (at: number) => ({ offset: start + at, isPartial: block[at + TAG_OFFSET] === PARTIAL });
    const entries: { offset: number; isPartial: boolean }[] = [];
    for (let at = end - start - 1; at >= 0; at--) {
      at = block.lastIndexOf(NEWLINE, at);
      if (at === -1) break;
      if (start + at + 1 < size) entries.push(entry(at + 1));
    }
    if (start === 0) entries.push(entry(0));
    yield entries;
  }
}
