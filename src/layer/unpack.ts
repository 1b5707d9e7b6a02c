import {
  chmodSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { type ByteString, byteStringOfText, bytesOf, textOf } from '#/archive/byte-string.ts';
import { EngineError } from '#/base/errors.ts';
import { changeOwner, makeNode, setTimes } from '#/linux/file-nodes.ts';
import { syncFileSystem } from '#/linux/sync-file-system.ts';
import { setXattr } from '#/linux/xattr.ts';
import type { Attributes, DirectoryNode, FileNode, TreeNode } from './tree.ts';

interface Unpacking {
  readonly tarFd: number;
  /** A name beside the tree, in plain ASCII: inodes are finished there and then renamed to names of any bytes. */
  readonly workPath: string;
  /** First path of each inode, for hard links. */
  readonly made: Map<TreeNode, Buffer>;
  readonly buffer: Buffer;
  sizeBytes: number;
}

/**
 * Makes the tree at `outputPath`, which must not exist. Every directory in it is one that this call has made, and names
 * come from a tree, not from the tar, so no link can lead a write elsewhere. Synced when it returns; bytes of its files.
 */
export function unpackTree(root: DirectoryNode, outputPath: string, tarFd: number): number {
  const unpacking: Unpacking = {
    tarFd,
    workPath: `${outputPath}.inode`,
    made: new Map(),
    buffer: Buffer.allocUnsafeSlow(1024 * 1024),
    sizeBytes: 0,
  };
  rmSync(unpacking.workPath, { recursive: true, force: true });
  mkdirSync(outputPath, 0o700);
  const finished: Array<readonly [Buffer, DirectoryNode]> = [];
  const todo: Array<readonly [ByteString, DirectoryNode]> = [[byteStringOfText(outputPath), root]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [path, directory] = next;
    finished.push([bytesOf(path), directory]);
    for (const [name, node] of directory.children) {
      const child: ByteString = `${path}/${name}`;
      if (node.type === 'directory') {
        mkdirSync(bytesOf(child), 0o700);
        todo.push([child, node]);
      } else {
        place(unpacking, node, bytesOf(child));
      }
    }
  }
  // Parents come before what is in them: backwards, so that a directory's time is set when nothing changes in it any more.
  for (const [path, directory] of finished.reverse()) finishDirectory(unpacking, path, directory);
  syncFileSystem(outputPath);
  return unpacking.sizeBytes;
}

function place(unpacking: Unpacking, node: TreeNode, path: Buffer): void {
  const existing = unpacking.made.get(node);
  if (existing !== undefined) {
    linkSync(existing, path);
    return;
  }
  unpacking.made.set(node, path);
  const { workPath } = unpacking;
  makeInode(unpacking, node);
  if (node.type !== 'whiteout' && node.type !== 'directory') {
    applyAttributes(workPath, node.attributes, node.type !== 'symlink', node.attributes.xattrs ?? new Map());
  }
  renameSync(workPath, path);
}

function makeInode(unpacking: Unpacking, node: TreeNode): void {
  const { workPath } = unpacking;
  switch (node.type) {
    case 'file':
      makeFile(unpacking, node);
      break;
    case 'symlink':
      symlinkSync(bytesOf(node.target), workPath);
      break;
    case 'char':
    case 'block':
      makeNode(workPath, node.type === 'char' ? 'character' : 'block', 0o600, node);
      break;
    case 'fifo':
      makeNode(workPath, 'fifo', 0o600);
      break;
    case 'whiteout':
      makeNode(workPath, 'character', 0, { major: 0, minor: 0 });
      break;
    case 'directory':
      throw new EngineError('internal', 'a directory is not made as an inode');
    default:
      node satisfies never;
  }
}

function makeFile(unpacking: Unpacking, { data, sizeBytes }: FileNode): void {
  unpacking.sizeBytes += sizeBytes;
  if (data.from === 'path') {
    copyFileSync(bytesOf(data.path), unpacking.workPath);
    return;
  }
  const fd = openSync(unpacking.workPath, 'wx', 0o600);
  try {
    ftruncateSync(fd, sizeBytes);
    const parts = data.sparse ?? [{ offset: 0, lengthBytes: sizeBytes, tarOffset: data.offset }];
    for (const { offset, lengthBytes, tarOffset } of parts) copyPart(unpacking, fd, offset, tarOffset, lengthBytes);
  } finally {
    closeSync(fd);
  }
}

function copyPart(
  { tarFd, buffer }: Unpacking,
  fd: number,
  offset: number,
  tarOffset: number,
  lengthBytes: number,
): void {
  let done = 0;
  while (done < lengthBytes) {
    const count = readSync(tarFd, buffer, 0, Math.min(buffer.length, lengthBytes - done), tarOffset + done);
    if (count === 0) throw new EngineError('data-loss', `invalid tar: it ends before byte ${tarOffset + lengthBytes}`);
    let written = 0;
    while (written < count) written += writeSync(fd, buffer, written, count - written, offset + done + written);
    done += count;
  }
}

function finishDirectory(
  { workPath }: Unpacking,
  path: Buffer,
  { attributes, opaque, hidden, children }: DirectoryNode,
): void {
  const xattrs = new Map(attributes.xattrs);
  if (opaque) xattrs.set('trusted.overlay.opaque', Buffer.from('y'));
  const holdsWhiteouts = hidden.size > 0 || children.values().some((child) => child.type === 'whiteout');
  // Without it, overlayfs lists the whiteouts of a directory that no layer below has.
  if (holdsWhiteouts) xattrs.set('trusted.overlay.origin', Buffer.alloc(0));
  const text = path.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(path)) {
    applyAttributes(text, attributes, true, xattrs);
    return;
  }
  // The system calls take text: finish a directory whose path is not UTF-8 under another name.
  renameSync(path, workPath);
  applyAttributes(workPath, attributes, true, xattrs);
  renameSync(workPath, path);
}

/** In this order: a change of owner clears setuid bits and capabilities, and anything changes times. */
function applyAttributes(
  path: string,
  attributes: Attributes,
  hasMode: boolean,
  xattrs: ReadonlyMap<ByteString, Uint8Array>,
): void {
  const { uid, gid, mode, mtimeSeconds, mtimeNanoseconds } = attributes;
  changeOwner(path, uid, gid);
  if (hasMode) chmodSync(path, mode);
  for (const [name, value] of xattrs) {
    if (isKnownXattr(name)) setXattr(path, textOf(name), value);
  }
  const timeNs = BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNanoseconds);
  setTimes(path, timeNs, timeNs);
}

const isKnownXattr = (name: ByteString): boolean =>
  /^(user|trusted|security)\./.test(name) || /^system\.posix_acl_(access|default)$/.test(name);
