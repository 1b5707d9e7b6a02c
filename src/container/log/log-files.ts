import { type FileHandle, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '#/base/errors.ts';

/** One open file of a container's log. Its name may change while it is open; its inode does not. */
export interface LogFile {
  readonly handle: FileHandle;
  readonly inode: number;
}

/** `container.log.3` → `container.log.1`, `container.log`: the paths that exist, oldest first. */
export async function listLogPaths(logPath: string): Promise<readonly string[]> {
  const name = basename(logPath);
  const entries = await readdir(dirname(logPath)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  const numbered = entries
    .filter((entry) => entry === name || (entry.startsWith(`${name}.`) && /^\d+$/.test(entry.slice(name.length + 1))))
    .map((entry) => ({ entry, number: entry === name ? 0 : Number(entry.slice(name.length + 1)) }))
    .sort((a, b) => b.number - a.number);
  return numbered.map(({ entry }) => join(dirname(logPath), entry));
}

/** Opens all files of a log, oldest first; each inode once, though a rotation may rename them meanwhile. */
export async function openLogFiles(logPath: string): Promise<readonly LogFile[]> {
  const files: LogFile[] = [];
  for (const path of await listLogPaths(logPath)) {
    const file = await openLogFile(path);
    if (file === undefined) continue;
    if (files.some((known) => known.inode === file.inode)) await file.handle.close();
    else files.push(file);
  }
  return files;
}

async function openLogFile(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, 'r');
    return { handle, inode: (await handle.stat()).ino };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file that follows `current` in time; undefined while `current` is the newest. Where `current` was rotated away, the oldest. */
export async function openNextLogFile(logPath: string, current: LogFile | undefined): Promise<LogFile | undefined> {
  const files = await openLogFiles(logPath);
  const position = files.findIndex((file) => file.inode === current?.inode);
  const next = files[position + 1];
  await Promise.all(files.filter((file) => file !== next).map((file) => file.handle.close()));
  return next;
}
