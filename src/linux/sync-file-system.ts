import { closeSync, openSync } from 'node:fs';
import { declareSyscall } from './ffi.ts';

const syncfs = declareSyscall<[number]>('int syncfs(int fd)');

/** Returns when everything on the file system that holds `path` is on disk. Blocks: for worker threads. */
export function syncFileSystem(path: string): void {
  const fd = openSync(path, 'r');
  try {
    syncfs.call(`sync the file system of ${path}`, fd);
  } finally {
    closeSync(fd);
  }
}
