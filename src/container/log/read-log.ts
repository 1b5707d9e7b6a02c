import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { type LogEntry, parseLogLine } from './k8s-file.ts';
import { type LogFile, openLogFiles, openNextLogFile } from './log-files.ts';
import { findTail } from './tail.ts';

export interface ReadLogOptions {
  /** Lines from the end; undefined means all. */
  readonly tailLines: number | undefined;
  /** RFC 3339 in UTC with nine digits; entries before it are left out. */
  readonly since: string | undefined;
  /** Entries after it are left out. */
  readonly until: string | undefined;
  /** Go on with what is written until this aborts; then read what is left and end. Undefined: do not follow. */
  readonly followUntil: AbortSignal | undefined;
  /** The reader left. */
  readonly signal: AbortSignal;
  /** Start at this byte of this inode (from `logEnd`) rather than by `tailLines`. */
  readonly from?: LogMark;
}

/** A place in a log that survives rotation. */
export interface LogMark {
  readonly inode: number | undefined;
  readonly offset: number;
}

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** The current end of a log. */
export async function logEnd(logPath: string): Promise<LogMark> {
  const files = await openLogFiles(logPath);
  const last = files.at(-1);
  const offset = last === undefined ? 0 : (await last.handle.stat()).size;
  await Promise.all(files.map((file) => file.handle.close()));
  return { inode: last?.inode, offset };
}

/** The entries of a container's log over all its rotated files, in order, following on request. Loses nothing to rotation. */
export async function* readLog(logPath: string, options: ReadLogOptions): AsyncGenerator<readonly LogEntry[]> {
  const files = [...(await openLogFiles(logPath))];
  const changes = options.followUntil === undefined ? undefined : new LogChanges(logPath, options);
  let current: LogFile | undefined;
  try {
    const start = await startOf(files, options);
    for (const skipped of files.splice(0, start.fileIndex)) await skipped.handle.close();
    let offset = start.offset;
    for (;;) {
      current ??= files.shift() ?? (await openNextLogFile(logPath, current));
      const isLast = changes === undefined || changes.ended;
      if (current !== undefined) {
        const cursor = { handle: current.handle, offset };
        yield* readFile(cursor, options);
        offset = cursor.offset;
      }
      if (options.signal.aborted) return;
      const next: LogFile | undefined = files.shift() ?? (await openNextLogFile(logPath, current));
      if (next !== undefined) {
        // The old file may have grown between our last read and the rotation: it is complete now, so read its rest first.
        if (current !== undefined) {
          yield* readFile({ handle: current.handle, offset }, options);
          await current.handle.close();
        }
        current = next;
        offset = 0;
      } else if (isLast) return;
      else await changes?.next();
    }
  } finally {
    changes?.close();
    await current?.handle.close();
    for (const file of files) await file.handle.close();
  }
}

async function startOf(
  files: readonly LogFile[],
  options: ReadLogOptions,
): Promise<{ fileIndex: number; offset: number }> {
  if (options.from !== undefined) {
    const { inode, offset } = options.from;
    const fileIndex = files.findIndex((file) => file.inode === inode);
    return fileIndex === -1 ? { fileIndex: 0, offset: 0 } : { fileIndex, offset };
  }
  if (options.tailLines === undefined) return { fileIndex: 0, offset: 0 };
  return await findTail(files, options.tailLines);
}

async function* readFile(
  cursor: { readonly handle: LogFile['handle']; offset: number },
  options: ReadLogOptions,
): AsyncGenerator<readonly LogEntry[]> {
  while (!options.signal.aborted) {
    const { chunk, grew } = await readWholeLines(cursor);
    if (!grew) return;
    const entries = parseEntries(chunk, options);
    if (entries.length > 0) yield entries;
  }
}

/** Reads on to the last newline that there is; a line that is longer than a chunk is read whole. */
async function readWholeLines(cursor: {
  readonly handle: LogFile['handle'];
  offset: number;
}): Promise<{ chunk: Buffer; grew: boolean }> {
  for (let sizeBytes = CHUNK_BYTES; ; sizeBytes *= 4) {
    const buffer = Buffer.allocUnsafe(sizeBytes);
    const { bytesRead } = await cursor.handle.read(buffer, 0, sizeBytes, cursor.offset);
    const end = bytesRead === 0 ? -1 : buffer.lastIndexOf(NEWLINE, bytesRead - 1);
    if (end !== -1) {
      cursor.offset += end + 1;
      return { chunk: buffer.subarray(0, end + 1), grew: true };
    }
    if (bytesRead < sizeBytes) return { chunk: buffer.subarray(0, 0), grew: false };
  }
}

function parseEntries(chunk: Buffer, { since, until }: ReadLogOptions): readonly LogEntry[] {
  const entries: LogEntry[] = [];
  for (let start = 0; start < chunk.length; ) {
    const end = chunk.indexOf(NEWLINE, start) + 1;
    const entry = parseLogLine(chunk.subarray(start, end));
    start = end;
    if (entry === undefined) continue;
    if (since !== undefined && entry.time < since) continue;
    if (until !== undefined && entry.time > until) continue;
    entries.push(entry);
  }
  return entries;
}

/** Tells when a log's directory changed, the container ended, or the reader left. */
class LogChanges {
  readonly #watcher;
  readonly #options: ReadLogOptions;
  #changed = false;
  #wake: () => void = () => {};

  constructor(logPath: string, options: ReadLogOptions) {
    this.#options = options;
    this.#watcher = watch(dirname(logPath), { persistent: false }, () => this.#ring());
    this.#watcher.on('error', () => this.#ring());
    options.signal.addEventListener('abort', this.#ring);
    options.followUntil?.addEventListener('abort', this.#ring);
  }

  get ended(): boolean {
    return this.#options.followUntil?.aborted ?? true;
  }

  readonly #ring = (): void => {
    this.#changed = true;
    this.#wake();
  };

  async next(): Promise<void> {
    if (!this.#changed && !this.ended && !this.#options.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#changed = false;
  }

  close(): void {
    this.#watcher.close();
    this.#options.signal.removeEventListener('abort', this.#ring);
    this.#options.followUntil?.removeEventListener('abort', this.#ring);
  }
}
