import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '#/base/errors.ts';
import { cleanPath, endsInSlash, followLink, keepEnding, splitEntry } from './paths.ts';
import { type CopySource, type CopyTarget, renameAsAsked } from './plan-copy.ts';

const LINKS_MAX = 10;

/** An absolute path that ends as the one that was written. */
export const resolveLocal = (path: string): string => keepEnding(resolve(path), path);

/** The file or directory to copy from here. A link is copied as such unless followed. Throws docker's reasons. */
export function findLocalSource(path: string, followsLink: boolean): CopySource {
  if (followsLink) return describe(renameAsAsked(path, realPath(path)));
  const slash = path.lastIndexOf('/') + 1;
  const found = `${realPath(path.slice(0, slash))}/${path.slice(slash)}`;
  // `link/` is the directory that the link leads to, under the link's name.
  const { askedName } = endsInSlash(path) ? renameAsAsked(path, found) : { askedName: undefined };
  return describe({ path: found, askedName });
}

const describe = (found: Pick<CopySource, 'path' | 'askedName'>): CopySource => ({
  ...found,
  isDirectory: inDockersWords(found.path, () => lstatSync(found.path)).isDirectory(),
});

const realPath = (path: string): string => inDockersWords(cleanPath(path), () => realpathSync.native(path));

/** The place to copy to, after all links. Its parent must be there. Throws docker's reasons. */
export function findLocalTarget(written: string): CopyTarget {
  let path = written;
  for (let links = 0; ; links++) {
    if (links > LINKS_MAX) throw new Error(`too many symlinks in ${written}`);
    const found = inDockersWords(path, () => lstatSync(path, { throwIfNoEntry: false }), 'stat');
    if (found === undefined) return missing(path);
    if (!found.isSymbolicLink()) return { path, kind: found.isDirectory() ? 'directory' : 'other' };
    path = followLink(path, readlinkSync(path));
  }
}

function missing(path: string): CopyTarget {
  const parent = splitEntry(path).directory;
  if (!inDockersWords(parent, () => statSync(parent), 'stat').isDirectory()) throw new Error('not a directory');
  return { path, kind: 'missing' };
}

/** Refuses, before anything is fetched, what cannot be written to. Throws docker's reasons. */
export function checkOutput(path: string): void {
  const parent = dirname(cleanPath(path));
  const stat = (name: string): Stats | undefined => {
    try {
      return statSync(name, { throwIfNoEntry: false });
    } catch {
      return undefined;
    }
  };
  if (stat(parent) === undefined) {
    throw new Error(`invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  }
  const found = stat(path);
  if (found?.isCharacterDevice() || found?.isBlockDevice()) {
    throw new Error(`invalid output path: ${JSON.stringify(path)} must be a directory or a regular file: got a device`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ELOOP: 'too many links',
};

function inDockersWords<T>(path: string, look: () => T, call = 'lstat'): T {
  try {
    return look();
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOTDIR') throw new Error(call === 'lstat' ? 'not a directory' : `${call} ${path}: not a directory`);
    throw new Error(REASONS[errno] === undefined ? String(error) : `${call} ${path}: ${REASONS[errno]}`);
  }
}
