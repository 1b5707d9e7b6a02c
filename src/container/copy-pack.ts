import { closeSync, constants } from 'node:fs';
import type { ByteString } from '#/archive/byte-string.ts';
import type { TarEntryType } from '#/archive/tar-entry.ts';
import { printTarHeader, type TarHeaderFields, tarEnd, tarPadding } from '#/archive/tar-writer.ts';
import { errnoOf } from '#/base/errors.ts';
import { splitDeviceNumber } from '#/linux/file-nodes.ts';
import type { Place } from '#/linux/place.ts';
import type { RootedTree } from '#/linux/rooted-tree.ts';
import { readXattrs } from '#/linux/xattr.ts';
import { CopyOutput } from './copy-output.ts';
import { isOfRuntime, isRuntimeMount } from './copy-tree.ts';

const NS_PER_SEC = 1_000_000_000n;

interface Packing {
  readonly tree: RootedTree;
  readonly output: CopyOutput;
  /** Names in the tar of files that have several, by device and inode. */
  readonly linked: Map<string, ByteString>;
}

/**
 * Writes a tar of a file, or of a directory with all that is in it, to a descriptor that blocks while its reader is busy.
 * `name` is what it is called in the tar. Sockets are left out; files that vanish meanwhile are too.
 */
export function packTree(tree: RootedTree, place: Place, name: ByteString, outputFd: number): void {
  const packing: Packing = { tree, output: new CopyOutput(outputFd), linked: new Map() };
  if (isRuntimeMount(tree, place)) writeDirectory(packing, place, `${name}/`);
  else packPlace(packing, place, name);
  packing.output.write(tarEnd());
  packing.output.flush();
}

function packPlace(packing: Packing, place: Place, name: ByteString): void {
  const { stats } = place;
  const type = typeOf(place);
  if (type === undefined) return;
  const key = `${stats.dev}:${stats.ino}`;
  const firstName = type !== 'directory' && stats.nlink > 1n ? packing.linked.get(key) : undefined;
  if (firstName !== undefined) {
    packing.output.write(printTarHeader({ ...fieldsOf(place, name), type: 'link', linkName: firstName }));
    return;
  }
  if (type !== 'directory' && stats.nlink > 1n) packing.linked.set(key, name);
  if (type === 'file') {
    packFile(packing, place, name);
    return;
  }
  const linkName = type === 'symlink' ? place.linkTarget() : '';
  if (type === 'directory') {
    const written = name.endsWith('/') ? name : `${name}/`;
    writeDirectory(packing, place, written);
    packEntries(packing, place, written);
    return;
  }
  packing.output.write(printTarHeader({ ...fieldsOf(place, name), type, linkName }));
}

function writeDirectory(packing: Packing, place: Place, name: ByteString): void {
  packing.output.write(printTarHeader({ ...fieldsOf(place, name), type: 'directory' }));
}

function packEntries(packing: Packing, directory: Place, name: ByteString): void {
  for (const entry of directory.names().toSorted()) {
    try {
      using place = packing.tree.enter(directory, entry);
      if (isOfRuntime(place, directory)) writeDirectory(packing, place, `${name}${entry}/`);
      else packPlace(packing, place, `${name}${entry}`);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

function typeOf({ stats }: Place): TarEntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'char';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : undefined;
}

function fieldsOf({ stats, self }: Place, name: ByteString): Omit<TarHeaderFields, 'type'> {
  const nanoseconds = ((stats.mtimeNs % NS_PER_SEC) + NS_PER_SEC) % NS_PER_SEC;
  return {
    name,
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: 0,
    mtimeSeconds: Number((stats.mtimeNs - nanoseconds) / NS_PER_SEC),
    mtimeNanoseconds: Number(nanoseconds),
    xattrs: stats.isSymbolicLink() ? undefined : portableXattrs(self),
    ...splitDeviceNumber(stats.rdev),
  };
}

/** Those that mean the same elsewhere: not labels of this host, nor what overlayfs notes. */
function portableXattrs(path: string): ReadonlyMap<string, Uint8Array> | undefined {
  const found = [...readXattrs(path)].filter(([name]) =>
    /^(user\.|security\.capability$|system\.posix_acl_)/.test(name),
  );
  return found.length === 0 ? undefined : new Map(found);
}

/** As many bytes as its header promises: one that shrinks meanwhile is filled with zeros, what grows is cut. */
function packFile(packing: Packing, place: Place, name: ByteString): void {
  const sizeBytes = Number(place.stats.size);
  const fd = place.open(constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    packing.output.write(printTarHeader({ ...fieldsOf(place, name), type: 'file', sizeBytes }));
    packing.output.writeFile(fd, sizeBytes);
  } finally {
    closeSync(fd);
  }
  packing.output.write(tarPadding(sizeBytes));
}
