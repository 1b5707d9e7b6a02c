import { type ByteString, bytesOf } from '#/archive/byte-string.ts';
import { type ChunkPlan, chunkBitsFor, countSparseChunks, planSparseFile, planWholeFile } from './erofs-chunks.ts';
import {
  alignTo,
  BLOCK_BYTES,
  CHUNK_INDEX_BYTES,
  encodeDevice,
  encodeXattrs,
  FILE_TYPES,
  FIRST_INODE_OFFSET,
  INODE_BYTES,
  isXattrAreaTooLarge,
  LAYOUT,
  nidOf,
  SLOT_BYTES,
  TAR_DEVICE,
  writeChunkIndex,
  writeInode,
  writeSuperBlock,
  writeUInt64,
} from './erofs-format.ts';
import { DEFAULT_DIRECTORY, type DirectoryNode, type FileNode, type TreeNode } from './tree.ts';

/** Chunk addresses that one index may hold (8 bytes each). A sparse file of terabytes with scattered data needs more. */
const CHUNKS_MAX = 4 * 1024 * 1024;

export interface ErofsIndex {
  readonly image: Buffer;
  /** Files whose contents are to be appended behind the image, in order, each padded to 512 bytes. */
  readonly appended: ReadonlyArray<{ readonly path: string; readonly sizeBytes: number }>;
}

interface Placed {
  readonly node: TreeNode;
  readonly ino: number;
  readonly parent: Placed | undefined;
  readonly xattrs: Buffer;
  readonly chunks: ChunkPlan | undefined;
  readonly layout: number;
  nlink: number;
  offset: number;
  /** Block of its directory entries, long link target or appended contents. */
  block: number;
  /** Directories: their blocks, each a run of names; set before placing. */
  readonly blocks: ReadonlyArray<readonly ByteString[]>;
}

/**
 * An EROFS image with the tree's metadata only, whose files point into the tar as external device 1. Undefined where the
 * tree cannot be expressed that way (a sparse map or xattrs beyond its limits): the layer must be unpacked.
 * `readTar` reads from the tar, for the few blocks that cannot be used in place.
 */
export function writeErofs(
  root: DirectoryNode,
  tarBytes: number,
  readTar: (offset: number, lengthBytes: number) => Buffer,
): ErofsIndex | undefined {
  if (!isExpressible(root, tarBytes)) return undefined;
  const inodes = collect(root);
  const end = placeInodes(inodes.values());
  const { blocks, mixedBlock } = placeBlocks(inodes.values(), alignTo(end, BLOCK_BYTES) / BLOCK_BYTES);
  const image = Buffer.alloc(blocks * BLOCK_BYTES);
  const { appended, end: allBlocks } = placeAppended(inodes.values(), blocks);
  writeSuperBlock(image, inodes.size, allBlocks, tarBytes);
  let nextMixed = mixedBlock;
  for (const placed of inodes.values()) {
    writePlaced(image, placed, inodes);
    for (const { chunk, pieces } of placed.chunks?.mixed ?? []) {
      for (const { tarOffset, lengthBytes, at } of pieces) {
        readTar(tarOffset, lengthBytes).copy(image, nextMixed * BLOCK_BYTES + at);
      }
      writeChunkIndex(image, chunkTableOffset(placed) + chunk * CHUNK_INDEX_BYTES, 0, nextMixed);
      nextMixed++;
    }
  }
  return { image, appended };
}

function isExpressible(root: DirectoryNode, tarBytes: number): boolean {
  let chunks = 0;
  const todo: DirectoryNode[] = [root];
  for (let directory = todo.pop(); directory !== undefined; directory = todo.pop()) {
    for (const node of directory.children.values()) {
      if (node.type === 'directory') todo.push(node);
      if (node.type === 'file' && node.data.from === 'tar') {
        const { sizeBytes } = node;
        const { sparse, offset } = node.data;
        chunks += sparse === undefined ? 1 : countSparseChunks(sizeBytes, sparse);
        // A last block that the tar does not have whole could not be read.
        const last = sparse === undefined ? offset + sizeBytes : lastByte(sparse);
        if (chunks > CHUNKS_MAX || alignTo(last, BLOCK_BYTES) > tarBytes || sizeBytes > BLOCK_BYTES * 2 ** 31)
          return false;
      }
      if (isXattrAreaTooLarge(xattrsOf(node).length)) return false;
    }
  }
  return true;
}

const lastByte = (segments: ReadonlyArray<{ readonly tarOffset: number; readonly lengthBytes: number }>): number => {
  const last = segments.at(-1);
  return last === undefined ? 0 : last.tarOffset + last.lengthBytes;
};

const NO_XATTRS = Buffer.alloc(0);
const OPAQUE = 'trusted.overlay.opaque';
const ORIGIN = 'trusted.overlay.origin';

function xattrsOf(node: TreeNode): Buffer {
  if (node.type === 'whiteout') return NO_XATTRS;
  const plain = node.attributes.xattrs;
  if (node.type !== 'directory') return plain === undefined ? NO_XATTRS : encodeXattrs(plain);
  const all = new Map<ByteString, Uint8Array>(plain);
  if (node.opaque) all.set(OPAQUE, Buffer.from('y'));
  // Without it, overlayfs lists the whiteouts of a directory that no layer below has.
  if (holdsWhiteouts(node)) all.set(ORIGIN, Buffer.alloc(0));
  return all.size === 0 ? NO_XATTRS : encodeXattrs(all);
}

function holdsWhiteouts(node: DirectoryNode): boolean {
  if (node.hidden.size > 0) return true;
  for (const child of node.children.values()) if (child.type === 'whiteout') return true;
  return false;
}

/** All inodes, the root first, a directory's before those in it. */
function collect(root: DirectoryNode): Map<TreeNode, Placed> {
  const inodes = new Map<TreeNode, Placed>();
  const add = (node: TreeNode, parent: Placed | undefined): void => {
    const existing = inodes.get(node);
    if (existing !== undefined) existing.nlink++;
    else inodes.set(node, describe(node, inodes.size + 1, parent));
  };
  add(root, undefined);
  // A Map's iteration also visits what is added meanwhile.
  for (const placed of inodes.values()) {
    if (placed.node.type !== 'directory') continue;
    for (const child of placed.node.children.values()) {
      add(child, placed);
      if (child.type === 'directory') placed.nlink++;
    }
  }
  return inodes;
}

function describe(node: TreeNode, ino: number, parent: Placed | undefined): Placed {
  const xattrs = xattrsOf(node);
  const chunks = node.type === 'file' ? chunksOf(node) : undefined;
  const isInline = node.type === 'symlink' && INODE_BYTES + xattrs.length + node.target.length <= BLOCK_BYTES;
  return {
    node,
    ino,
    parent,
    xattrs,
    chunks,
    layout: chunks !== undefined ? LAYOUT.chunked : isInline ? LAYOUT.inline : LAYOUT.plain,
    nlink: node.type === 'directory' ? 2 : 1,
    offset: 0,
    block: 0,
    blocks: node.type === 'directory' ? directoryBlocks(node) : [],
  };
}

function chunksOf({ sizeBytes, data }: FileNode): ChunkPlan | undefined {
  if (sizeBytes === 0) return undefined;
  // Its address is known only when everything else is placed.
  if (data.from === 'path') return { chunkBits: chunkBitsFor(sizeBytes), blocks: Float64Array.of(0), mixed: [] };
  return data.sparse === undefined ? planWholeFile(sizeBytes, data.offset) : planSparseFile(sizeBytes, data.sparse);
}

const DIRENT_BYTES = 12;

/** Names in byte order, `.` and `..` among them, cut into blocks: the kernel searches by halving. */
function directoryBlocks({ children }: DirectoryNode): ReadonlyArray<readonly ByteString[]> {
  const names = [...children.keys(), '.', '..'].sort();
  const blocks: ByteString[][] = [];
  let current: ByteString[] = [];
  let used = 0;
  for (const name of names) {
    const needed = DIRENT_BYTES + name.length;
    if (used + needed > BLOCK_BYTES) {
      blocks.push(current);
      current = [];
      used = 0;
    }
    current.push(name);
    used += needed;
  }
  blocks.push(current);
  return blocks;
}

const chunkTableOffset = ({ offset, xattrs }: Placed): number => offset + alignTo(INODE_BYTES + xattrs.length, 8);

function inodeBytes(placed: Placed): number {
  const bytes = INODE_BYTES + placed.xattrs.length;
  if (placed.chunks !== undefined) return alignTo(bytes, 8) + placed.chunks.blocks.length * CHUNK_INDEX_BYTES;
  return placed.layout === LAYOUT.inline && placed.node.type === 'symlink' ? bytes + placed.node.target.length : bytes;
}

/** Returns the end of the last inode. */
function placeInodes(inodes: Iterable<Placed>): number {
  let offset = FIRST_INODE_OFFSET;
  for (const placed of inodes) {
    const bytes = inodeBytes(placed);
    // An inline link target must lie in one block with its inode.
    const crosses = (offset % BLOCK_BYTES) + bytes > BLOCK_BYTES;
    if (placed.layout === LAYOUT.inline && crosses) offset = alignTo(offset, BLOCK_BYTES);
    placed.offset = offset;
    offset = alignTo(offset + bytes, SLOT_BYTES);
  }
  return offset;
}

function placeBlocks(
  inodes: Iterable<Placed>,
  first: number,
): { readonly blocks: number; readonly mixedBlock: number } {
  let block = first;
  let mixed = 0;
  for (const placed of inodes) {
    mixed += placed.chunks?.mixed.length ?? 0;
    if (placed.layout !== LAYOUT.plain) continue;
    placed.block = block;
    if (placed.node.type === 'directory') block += placed.blocks.length;
    else if (placed.node.type === 'symlink') block += Math.ceil(placed.node.target.length / BLOCK_BYTES);
  }
  return { blocks: block + mixed, mixedBlock: block };
}

function placeAppended(
  inodes: Iterable<Placed>,
  first: number,
): { readonly appended: ErofsIndex['appended']; readonly end: number } {
  const appended: Array<{ readonly path: string; readonly sizeBytes: number }> = [];
  let block = first;
  for (const placed of inodes) {
    const { node } = placed;
    if (node.type !== 'file' || node.data.from !== 'path') continue;
    placed.block = block;
    appended.push({ path: node.data.path, sizeBytes: node.sizeBytes });
    block += Math.ceil(node.sizeBytes / BLOCK_BYTES);
  }
  return { appended, end: block };
}

function writePlaced(image: Buffer, placed: Placed, inodes: ReadonlyMap<TreeNode, Placed>): void {
  const { node, offset, xattrs } = placed;
  const { mode } = FILE_TYPES[node.type];
  const attributes = node.type === 'whiteout' ? DEFAULT_DIRECTORY : node.attributes;
  writeInode(image, offset, {
    layout: placed.layout,
    xattrBytes: xattrs.length,
    mode: node.type === 'whiteout' ? mode : mode | attributes.mode,
    sizeBytes: contentBytes(placed),
    union: unionOf(placed),
    ino: placed.ino,
    nlink: placed.nlink,
    attributes,
  });
  xattrs.copy(image, offset + INODE_BYTES);
  if (node.type === 'directory') writeDirectory(image, placed, node, inodes);
  else if (node.type === 'symlink') {
    const at = placed.layout === LAYOUT.inline ? offset + INODE_BYTES + xattrs.length : placed.block * BLOCK_BYTES;
    bytesOf(node.target).copy(image, at);
  } else if (node.type === 'file' && placed.chunks !== undefined) {
    const device = node.data.from === 'tar' ? TAR_DEVICE : 0;
    const blocks = node.data.from === 'tar' ? placed.chunks.blocks : Float64Array.of(placed.block);
    const table = chunkTableOffset(placed);
    blocks.forEach((block, i) => {
      writeChunkIndex(image, table + i * CHUNK_INDEX_BYTES, device, block);
    });
  }
}

function contentBytes({ node, blocks }: Placed): number {
  switch (node.type) {
    case 'file':
      return node.sizeBytes;
    case 'symlink':
      return node.target.length;
    case 'directory':
      return (
        (blocks.length - 1) * BLOCK_BYTES +
        (blocks.at(-1) ?? []).reduce((sum, name) => sum + DIRENT_BYTES + name.length, 0)
      );
    default:
      return 0;
  }
}

const CHUNK_FORMAT_INDEXES = 0x20;

function unionOf({ node, chunks, block }: Placed): number {
  if (chunks !== undefined) return CHUNK_FORMAT_INDEXES | chunks.chunkBits;
  if (node.type === 'char' || node.type === 'block') return encodeDevice(node.major, node.minor);
  return node.type === 'directory' || node.type === 'symlink' ? block : 0;
}

function writeDirectory(
  image: Buffer,
  placed: Placed,
  node: DirectoryNode,
  inodes: ReadonlyMap<TreeNode, Placed>,
): void {
  placed.blocks.forEach((names, index) => {
    const start = (placed.block + index) * BLOCK_BYTES;
    let nameAt = names.length * DIRENT_BYTES;
    names.forEach((name, i) => {
      const child = name === '.' ? node : name === '..' ? (placed.parent?.node ?? node) : node.children.get(name);
      const target = child === undefined ? undefined : inodes.get(child);
      if (target === undefined) return;
      const at = start + i * DIRENT_BYTES;
      writeUInt64(image, nidOf(target.offset), at);
      image.writeUInt16LE(nameAt, at + 8);
      image.writeUInt8(FILE_TYPES[target.node.type].dirent, at + 10);
      image.write(name, start + nameAt, 'latin1');
      nameAt += name.length;
    });
  });
}
