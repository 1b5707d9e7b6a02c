import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import { type ByteString, byteStringOf, byteStringOfText, bytesOf } from '#/archive/byte-string.ts';
import { errnoOf } from '#/base/errors.ts';
import { splitDeviceNumber } from '#/linux/file-nodes.ts';
import { getXattr, listXattrs } from '#/linux/xattr.ts';
import { type Attributes, type LowerTree, newDirectory, type TreeNode } from './tree.ts';

/**
 * The layers below, as they are mounted read-only at `root`. It is asked for paths whose parents it has called directories,
 * and nobody changes the mount, so looking a path up cannot lead out of it.
 */
export function openLowerTree(root: string): LowerTree {
  return {
    find: (path) => {
      const location = byteStringOfText(root) + path.map((part) => `/${part}`).join('');
      let stat: BigIntStats;
      try {
        stat = lstatSync(bytesOf(location), { bigint: true });
      } catch (error) {
        if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
        throw error;
      }
      return nodeAt(location, stat);
    },
  };
}

function nodeAt(location: ByteString, stat: BigIntStats): TreeNode | undefined {
  const attributes = attributesAt(location, stat);
  if (stat.isDirectory()) return newDirectory(attributes, true);
  if (stat.isFile()) {
    return { type: 'file', attributes, sizeBytes: Number(stat.size), data: { from: 'path', path: location } };
  }
  if (stat.isSymbolicLink()) {
    return {
      type: 'symlink',
      attributes,
      target: byteStringOf(readlinkSync(bytesOf(location), { encoding: 'buffer' })),
    };
  }
  if (stat.isFIFO()) return { type: 'fifo', attributes };
  if (stat.isSocket()) return undefined;
  const { major, minor } = splitDeviceNumber(stat.rdev);
  return { type: stat.isBlockDevice() ? 'block' : 'char', attributes, major, minor };
}

function attributesAt(location: ByteString, stat: BigIntStats): Attributes {
  const xattrs = new Map<ByteString, Uint8Array>();
  const path = bytesOf(location).toString('utf8');
  // Names that are not UTF-8 cannot be handed to the system call; their attributes are left out.
  if (byteStringOfText(path) === location) {
    for (const name of listXattrs(path)) {
      if (name.startsWith('trusted.overlay.')) continue;
      const value = getXattr(path, name);
      if (value !== undefined) xattrs.set(byteStringOfText(name), value);
    }
  }
  const nanoseconds = ((stat.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return {
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeSeconds: Number((stat.mtimeNs - nanoseconds) / 1_000_000_000n),
    mtimeNanoseconds: Number(nanoseconds),
    xattrs: xattrs.size === 0 ? undefined : xattrs,
  };
}
