import { posix } from 'node:path';
import { textOf } from '#/archive/byte-string.ts';
import type { Place } from '#/linux/place.ts';
import type { RootedTree } from '#/linux/rooted-tree.ts';
import type { PathStat } from './copy-job.ts';

/** What lies at `path`, which was not followed at its end, under the name by which it was asked for. */
export function statPlace(tree: RootedTree, place: Place, path: string): PathStat {
  const { stats } = place;
  return {
    name: baseName(path),
    sizeBytes: Number(stats.size),
    mode: Number(stats.mode),
    mtimeNs: stats.mtimeNs,
    linkTarget: stats.isSymbolicLink() ? textOf(followLink(tree, place)) : '',
  };
}

/** The last part of a path as it is written: `.` of `/a/.`, `/` of `/`. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** A link that leads nowhere is followed by one step. */
function followLink(tree: RootedTree, link: Place): string {
  try {
    using target = tree.open(link.path, { follow: true });
    return target.path;
  } catch {
    return posix.resolve(posix.dirname(link.path), link.linkTarget());
  }
}
