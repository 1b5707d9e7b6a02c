import { closeSync, openSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { byteStringOfText } from '#/archive/byte-string.ts';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { Place } from '#/linux/place.ts';
import type { RootedTree } from '#/linux/rooted-tree.ts';
import type { CopyTree, TreeMount } from './copy-job.ts';

/** Shows in the tree of a container without a process what it would see mounted, as its runtime would: in order, links followed. */
export function graftMounts(tree: RootedTree, mounts: readonly TreeMount[]): void {
  for (const { target, source, readOnly } of mounts) {
    if (source === undefined) continue;
    const stats = statSync(source, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    using place = ensureTarget(tree, byteStringOfText(target), stats.isDirectory());
    tree.graft(place.path, { source, readOnly });
  }
}

/** What is mounted on need not be there before the first start. */
function ensureTarget(tree: RootedTree, target: string, isDirectory: boolean): Place {
  try {
    return tree.open(target, { follow: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  if (isDirectory) return tree.open(target, { follow: true, make: true });
  const slash = target.lastIndexOf('/');
  using directory = tree.open(target.slice(0, slash), { follow: true, make: true });
  closeSync(openSync(directory.child(target.slice(slash + 1)), 'wx', 0o644));
  return tree.enter(directory, target.slice(slash + 1));
}

export function canonicalTarget(tree: RootedTree, target: string): string {
  try {
    using place = tree.open(byteStringOfText(target), { follow: true });
    return place.path;
  } catch {
    return byteStringOfText(target);
  }
}

/**
 * Throws permission-denied, with Docker's texts, for a directory on a read-only mount, or in a root that is read-only; and
 * invalid-argument for what is no directory.
 */
export function refuseReadOnly(
  directory: Place,
  { mounts, readOnlyRoot }: CopyTree,
  canonical: (target: string) => string,
): void {
  if (!directory.stats.isDirectory()) throw new EngineError('invalid-argument', 'extraction point is not a directory');
  const [mount] = mounts
    .map(({ target, readOnly }) => ({ path: canonical(target), readOnly }))
    .filter(({ path }) => directory.path === path || directory.path.startsWith(`${path}/`))
    .sort((a, b) => b.path.length - a.path.length);
  if (mount?.readOnly === true) throw new EngineError('permission-denied', 'mounted volume is marked read-only');
  if (mount === undefined && readOnlyRoot)
    throw new EngineError('permission-denied', 'container rootfs is marked read-only');
}

/** What the runtime mounts in every container (/proc, /sys, /dev) is no content of it: the directory alone, as before its start. */
export function isOfRuntime(place: Place, parent: Place): boolean {
  if (!place.stats.isDirectory() || place.stats.dev === parent.stats.dev) return false;
  return place.path === '/dev' || place.isOfKernel();
}

export function isRuntimeMount(tree: RootedTree, place: Place): boolean {
  using parent = tree.open(posix.dirname(place.path), { follow: true });
  return isOfRuntime(place, parent);
}
