import { bytesOf } from '#/archive/byte-string.ts';
import { countSparseChunks } from './erofs-chunks.ts';
import {
  alignTo,
  BLOCK_BYTES,
  CHUNK_INDEX_BYTES,
  encodeDevice,
  FILE_TYPES,
  INODE_BYTES,
  LAYOUT,
  nidOf,
  TAR_DEVICE,
  writeChunkIndex,
  writeInode,
  writeSuperBlock,
  writeUInt64,
  XATTR_AREA_BYTES_MAX,
} from './erofs-format.ts';
import {
  type AppendedFile,
  chunkTableOffset,
  collect,
  DIRENT_BYTES,
  type Placed,
  placeAppended,
  placeBlocks,
  placeInodes,
  xattrsOf,
} from './erofs-layout.ts';
import { DEFAULT_DIRECTORY, type DirectoryNode, type TreeNode } from './tree.ts';

/** Chunk addresses that one index may hold (8 bytes each). A sparse file of terabytes with scattered data needs more. */
const CHUNKS_MAX = 4 * 1024 * 1024;

export interface ErofsIndex {
  readonly image: Buffer;
  /** Files whose contents are to be appended behind the image, in order, each padded to 512 bytes. */
  readonly appended: readonly AppendedFile[];
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
      if (xattrsOf(node).length > XATTR_AREA_BYTES_MAX) return false;
    }
  }
  return true;
}

const lastByte = (segments: ReadonlyArray<{ readonly tarOffset: number; readonly lengthBytes: number }>): number => {
  const last = segments.at(-1);
  return last === undefined ? 0 : last.tarOffset + last.lengthBytes;
};

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
