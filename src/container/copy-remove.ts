import { rmdirSync, unlinkSync } from 'node:fs';
import { errnoError } from '#/base/errors.ts';
import type { Place } from '#/linux/place.ts';
import type { RootedTree } from '#/linux/rooted-tree.ts';

/**
 * Removes a name and all that is in it, never following a link. Throws EBUSY where something is mounted on it or in it, before
 * anything inside that mount is touched.
 */
export function removePlace(tree: RootedTree, parent: Place, name: string, place: Place): void {
  // The kernel would only object if it were mounted here; it takes mounts of other namespaces, the container's, away unasked.
  if (place.isMountPoint || place.mountId() !== parent.mountId()) throw errnoError(`remove ${place.path}`, 'EBUSY');
  if (!place.stats.isDirectory()) {
    unlinkSync(parent.child(name));
    return;
  }
  for (const entry of place.names()) {
    using child = tree.enter(place, entry);
    removePlace(tree, place, entry, child);
  }
  rmdirSync(parent.child(name));
}
