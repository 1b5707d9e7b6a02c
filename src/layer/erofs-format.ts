import type { ByteString } from '#/archive/byte-string.ts';
import { bytesOf } from '#/archive/byte-string.ts';
import type { Attributes } from './tree.ts';

/** The parts of the EROFS on-disk format that our indexes use. Source: the kernel's fs/erofs/erofs_fs.h. */
export const BLOCK_BYTES = 512;
export const BLOCK_BITS = 9;
export const SLOT_BYTES = 32;
export const INODE_BYTES = 64;
export const CHUNK_INDEX_BYTES = 8;
/** Block address of a hole. */
export const HOLE = 0xffff_ffff;
/** Our tar; device 0 is the index itself. */
export const TAR_DEVICE = 1;
/** Super block, then one device slot, then inodes. */
export const FIRST_INODE_OFFSET = 1280;

const SUPER_OFFSET = 1024;
const DEVICE_SLOT_OFFSET = 1152;
const MAGIC = 0xe0f5e1e2;
const INCOMPAT_CHUNKED_FILE = 0x4;
const INCOMPAT_DEVICE_TABLE = 0x8;

export const LAYOUT = { plain: 0, inline: 2, chunked: 4 } as const;

/** Mode bits and directory entry type of each kind of inode. */
export const FILE_TYPES = {
  file: { mode: 0o100000, dirent: 1 },
  directory: { mode: 0o040000, dirent: 2 },
  char: { mode: 0o020000, dirent: 3 },
  block: { mode: 0o060000, dirent: 4 },
  fifo: { mode: 0o010000, dirent: 5 },
  symlink: { mode: 0o120000, dirent: 7 },
  /** What overlayfs takes for "removed here": the character device 0:0. */
  whiteout: { mode: 0o020000, dirent: 3 },
} as const;

export const nidOf = (offset: number): number => offset / SLOT_BYTES;
export const alignTo = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** `tarBytes` may be rounded up: reads behind the tar's end are not possible, since no inode points there. */
export function writeSuperBlock(image: Buffer, inodes: number, blocks: number, tarBytes: number): void {
  image.writeUInt32LE(MAGIC, SUPER_OFFSET);
  image.writeUInt8(BLOCK_BITS, SUPER_OFFSET + 12);
  image.writeUInt16LE(nidOf(FIRST_INODE_OFFSET), SUPER_OFFSET + 14);
  image.writeBigUInt64LE(BigInt(inodes), SUPER_OFFSET + 16);
  image.writeUInt32LE(blocks, SUPER_OFFSET + 36);
  image.writeUInt32LE(INCOMPAT_CHUNKED_FILE | INCOMPAT_DEVICE_TABLE, SUPER_OFFSET + 80);
  image.writeUInt16LE(1, SUPER_OFFSET + 86);
  image.writeUInt16LE(DEVICE_SLOT_OFFSET / 128, SUPER_OFFSET + 88);
  image.write('tar', DEVICE_SLOT_OFFSET, 'latin1');
  image.writeUInt32LE(Math.ceil(tarBytes / BLOCK_BYTES), DEVICE_SLOT_OFFSET + 64);
}

export interface InodeFields {
  readonly layout: number;
  readonly xattrBytes: number;
  readonly mode: number;
  readonly sizeBytes: number;
  /** Block address, device number or chunk format, by kind. */
  readonly union: number;
  readonly ino: number;
  readonly nlink: number;
  readonly attributes: Attributes;
}

/** An extended inode: the only kind with 32-bit owners and a time of its own. */
export function writeInode(image: Buffer, at: number, inode: InodeFields): void {
  const { attributes } = inode;
  image.writeUInt16LE(1 | (inode.layout << 1), at);
  image.writeUInt16LE(inode.xattrBytes === 0 ? 0 : (inode.xattrBytes - 12) / 4 + 1, at + 2);
  image.writeUInt16LE(inode.mode, at + 4);
  writeUInt64(image, inode.sizeBytes, at + 8);
  image.writeUInt32LE(inode.union, at + 16);
  image.writeUInt32LE(inode.ino, at + 20);
  image.writeUInt32LE(attributes.uid, at + 24);
  image.writeUInt32LE(attributes.gid, at + 28);
  image.writeBigInt64LE(BigInt(attributes.mtimeSeconds), at + 32);
  image.writeUInt32LE(attributes.mtimeNanoseconds, at + 40);
  image.writeUInt32LE(inode.nlink, at + 44);
}

export function writeUInt64(image: Buffer, value: number, at: number): void {
  image.writeUInt32LE(value % 0x1_0000_0000, at);
  image.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

export function writeChunkIndex(image: Buffer, at: number, device: number, block: number): void {
  image.writeUInt16LE(block === HOLE ? 0 : device, at + 2);
  image.writeUInt32LE(block, at + 4);
}

/** The kernel's encoding of a device number (new_encode_dev). */
export const encodeDevice = (major: number, minor: number): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;

const XATTR_PREFIXES: ReadonlyArray<readonly [prefix: string, index: number, exact: boolean]> = [
  ['system.posix_acl_access', 2, true],
  ['system.posix_acl_default', 3, true],
  ['user.', 1, false],
  ['trusted.', 4, false],
  ['security.', 6, false],
];
/** What an inode's 16-bit count can say, in units of four bytes. */
export const XATTR_AREA_BYTES_MAX = 4 * 0xfff0;

/** The inline xattr area, empty where there are none. Names outside the known name spaces cannot be stored and are dropped. */
export function encodeXattrs(xattrs: ReadonlyMap<ByteString, Uint8Array>): Buffer {
  const parts: Buffer[] = [Buffer.alloc(12)];
  for (const [name, value] of xattrs) {
    const prefix = XATTR_PREFIXES.find(([text, , exact]) => (exact ? name === text : name.startsWith(text)));
    if (prefix === undefined) continue;
    const suffix = bytesOf(name.slice(prefix[0].length));
    if (suffix.length > 255 || (suffix.length === 0 && !prefix[2]) || value.length > 0xffff) continue;
    const entry = Buffer.alloc(alignTo(4 + suffix.length + value.length, 4));
    entry.writeUInt8(suffix.length, 0);
    entry.writeUInt8(prefix[1], 1);
    entry.writeUInt16LE(value.length, 2);
    suffix.copy(entry, 4);
    entry.set(value, 4 + suffix.length);
    parts.push(entry);
  }
  const body = Buffer.concat(parts);
  return parts.length === 1 ? Buffer.alloc(0) : body;
}
