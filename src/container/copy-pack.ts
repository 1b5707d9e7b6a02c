import { closeSync, constants, readSync, writeSync } from 'node:fs';
import type { ByteString } from '#/archive/byte-string.ts';
import type { TarEntryType } from '#/archive/tar-entry.ts';
import { printTarHeader, type TarHeaderFields, tarEnd, tarPadding } from '#/archive/tar-writer.ts';
import { errnoOf } from '#/base/errors.ts';
import { splitDeviceNumber } from '#/linux/file-nodes.ts';
import type { Place } from '#/linux/place.ts';
import type { RootedTree } from '#/linux/rooted-tree.ts';
import { readXattrs } from '#/linux/xattr.ts';
import { isOfRuntime, isRuntimeMount } from './copy-tree.ts';

const CHUNK_BYTES = 1 << 18;
const NS_PER_SEC = 1_000_000_000n;

interface Packing {
  readonly tree: RootedTree;
  readonly outputFd: number;
  /** Names in the tar of files that have several, by device and inode. */
  readonly linked: Map<string, ByteString>;
  readonly buffer: Buffer;
}

/**
 * Writes a tar of a file, or of a directory with all that is in it, to a descriptor that blocks while its reader is busy.
 * `name` is what it is called in the tar. Sockets are left out; files that vanish meanwhile are too.
 */
export function packTree(tree: RootedTree, place: Place, name: ByteString, outputFd: number): void {
  const packing: Packing = { tree, outputFd, linked: new Map(), buffer: Buffer.allocUnsafeSlow(CHUNK_BYTES) };
  if (isRuntimeMount(tree, place)) writeDirectory(packing, place, `${name}/`);
  else packPlace(packing, place, name);
  writeAll(packing, tarEnd());
}

function packPlace(packing: Packing, place: Place, name: ByteString): void {
  const { stats } = place;
  const type = typeOf(place);
  if (type === undefined) return;
  const key = `${stats.dev}:${stats.ino}`;
  const firstName = type !== 'directory' && stats.nlink > 1n ? packing.linked.get(key) : undefined;
  if (firstName !== undefined) {
    writeAll(packing, printTarHeader({ ...fieldsOf(place, name), type: 'link', linkName: firstName }));
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
  writeAll(packing, printTarHeader({ ...fieldsOf(place, name), type, linkName }));
}

function writeDirectory(packing: Packing, place: Place, name: ByteString): void {
  writeAll(packing, printTarHeader({ ...fieldsOf(place, name), type: 'directory' }));
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
  const { buffer } = packing;
  const fd = place.open(constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    writeAll(packing, printTarHeader({ ...fieldsOf(place, name), type: 'file', sizeBytes }));
    for (let left = sizeBytes; left > 0; ) {
      const wanted = Math.min(left, buffer.length);
      const count = readSync(fd, buffer, 0, wanted, null);
      if (count === 0) buffer.fill(0, 0, wanted);
      const chunk = buffer.subarray(0, count === 0 ? wanted : count);
      writeAll(packing, chunk);
      left -= chunk.length;
    }
  } finally {
    closeSync(fd);
  }
  writeAll(packing, tarPadding(sizeBytes));
}

function writeAll({ outputFd }: Packing, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) done += writeSync(outputFd, data, done);
}
