import type { ByteString } from '#/archive/byte-string.ts';
import { type ChunkPlan, chunkBitsFor, planSparseFile, planWholeFile } from './erofs-chunks.ts';
import {
  alignTo,
  BLOCK_BYTES,
  CHUNK_INDEX_BYTES,
  encodeXattrs,
  FIRST_INODE_OFFSET,
  INODE_BYTES,
  LAYOUT,
  SLOT_BYTES,
} from './erofs-format.ts';
import type { DirectoryNode, FileNode, TreeNode } from './tree.ts';

/** A file whose contents follow the image. */
export interface AppendedFile {
  readonly path: ByteString;
  readonly sizeBytes: number;
}

/** An inode and where everything of it goes. */
export interface Placed {
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

const NO_XATTRS = Buffer.alloc(0);
const OPAQUE = 'trusted.overlay.opaque';
const ORIGIN = 'trusted.overlay.origin';

export function xattrsOf(node: TreeNode): Buffer {
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
export function collect(root: DirectoryNode): Map<TreeNode, Placed> {
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

export const DIRENT_BYTES = 12;

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

export const chunkTableOffset = ({ offset, xattrs }: Placed): number =>
  offset + alignTo(INODE_BYTES + xattrs.length, 8);

function inodeBytes(placed: Placed): number {
  const bytes = INODE_BYTES + placed.xattrs.length;
  if (placed.chunks !== undefined) return alignTo(bytes, 8) + placed.chunks.blocks.length * CHUNK_INDEX_BYTES;
  return placed.layout === LAYOUT.inline && placed.node.type === 'symlink' ? bytes + placed.node.target.length : bytes;
}

/** Returns the end of the last inode. */
export function placeInodes(inodes: Iterable<Placed>): number {
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

export function placeBlocks(
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

export function placeAppended(
  inodes: Iterable<Placed>,
  first: number,
): { readonly appended: readonly AppendedFile[]; readonly end: number } {
  const appended: AppendedFile[] = [];
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
