import type { LogFile } from './log-files.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export interface LogPosition {
  /** Index into the files, oldest first. */
  readonly fileIndex: number;
  readonly offset: number;
}

/** Where the last `lines` lines of the files (oldest first) begin. */
export async function findTail(files: readonly LogFile[], lines: number): Promise<LogPosition> {
  let missing = lines;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index];
    if (file === undefined) break;
    const found = await findTailInFile(file, missing);
    if (found.missing === 0) return { fileIndex: index, offset: found.offset };
    missing = found.missing;
  }
  return { fileIndex: 0, offset: 0 };
}

async function findTailInFile({ handle }: LogFile, lines: number): Promise<{ offset: number; missing: number }> {
  const { size } = await handle.stat();
  if (lines === 0) return { offset: size, missing: 0 };
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let missing = lines;
  for (let end = size; end > 0; end -= Math.min(end, BLOCK_BYTES)) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    for (
      let at = block.lastIndexOf(NEWLINE, bytesRead - 1);
      at !== -1;
      at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1)
    ) {
      // The newline that ends the file ends its last line; only those before it begin another.
      if (start + at === size - 1) continue;
      missing--;
      if (missing === 0) return { offset: start + at + 1, missing: 0 };
    }
  }
  return { offset: 0, missing: size === 0 ? missing : missing - 1 };
}
