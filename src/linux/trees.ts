import { randomUUID } from 'node:crypto';
import { lstat, opendir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, toEngineError } from '#/base/errors.ts';

/** Paths that a removal uses stay below this, far from the kernel's 4096. */
const PATH_BYTES_MAX = 3000;

/**
 * Removes a tree, tolerating absence. Programs can nest directories deeper than any path can name; such a part is moved up
 * beside the tree and removed from there.
 */
export async function removeTree(path: string): Promise<void> {
  const todo = [path];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    try {
      await rm(next, { recursive: true, force: true });
    } catch (error) {
      if (errnoOf(error) !== 'ENAMETOOLONG') throw toEngineError(error, `remove ${path}`);
      const deep = await findDeepDirectory(next);
      if (deep === undefined) throw toEngineError(error, `remove ${path}`);
      const aside = join(dirname(path), `.removed-${randomUUID()}`);
      await rename(deep, aside);
      todo.push(next, aside);
    }
  }
}

/** Some directory in the tree whose path is almost too long. Names are bytes: the path is a byte string. */
async function findDeepDirectory(path: string): Promise<Buffer | undefined> {
  const todo = [Buffer.from(path)];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true, encoding: 'buffer' })) {
      if (!entry.isDirectory()) continue;
      const child = Buffer.concat([next, Buffer.from('/'), entry.name]);
      if (child.length > PATH_BYTES_MAX) return child;
      todo.push(child);
    }
  }
  return undefined;
}

/**
 * Bytes of the regular files in a tree, hard links counted once, other file systems that are mounted in it left out; 0 where
 * there is none. Files that vanish meanwhile are left out.
 */
export async function sumTree(path: string): Promise<number> {
  const root = await tolerating(path, lstat(path));
  const links = new Set<number>();
  let sum = 0;
  const todo = [Buffer.from(path)];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    // Names are bytes, one character each.
    for await (const entry of (await tolerating(path, opendir(next, { encoding: 'latin1' }))) ?? []) {
      if (!entry.isDirectory() && !entry.isFile()) continue;
      const child = Buffer.concat([next, Buffer.from(`/${entry.name}`, 'latin1')]);
      const stat = await tolerating(path, lstat(child));
      if (stat === undefined || stat.dev !== root?.dev) continue;
      if (stat.isDirectory()) todo.push(child);
      if (!stat.isFile() || links.has(stat.ino)) continue;
      if (stat.nlink > 1) links.add(stat.ino);
      sum += stat.size;
    }
  }
  return sum;
}

/** Undefined for what is not there any more, or lies deeper than a path can say. */
async function tolerating<T>(tree: string, looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')) return undefined;
    throw toEngineError(error, `measure ${tree}`);
  }
}
