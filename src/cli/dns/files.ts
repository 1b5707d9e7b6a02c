import { readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { errnoOf } from '#/base/errors.ts';

/** Undefined where there is no such file. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where the symbolic link leads; undefined for anything else. */
export function readLinkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Puts `made` in the place of `path` at once; where that is a mount of its own, which nothing can replace, its text. */
export function moveOver(made: string, path: string): void {
  try {
    renameSync(made, path);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error;
    writeFileSync(path, readFileSync(made));
    rmSync(made);
  }
}
