import type { BigIntStats } from 'node:fs';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  symlinkSync,
} from 'node:fs';
import { errnoOf } from '#/base/errors.ts';
import { dataRanges } from './data-ranges.ts';
import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';
import { setTimesOfOpen } from './file-nodes.ts';
import { writeSparse } from './write-sparse.ts';
import { copyXattrs } from './xattr.ts';

/** Names a file without opening it (open(2)); Node has no name for it. */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
/** `_IOW(0x94, 9, int)`: ioctl_ficlone(2). */
const FICLONE = 0x40049409;
const CHUNK_BYTES = 1 << 20;
const PERMISSIONS = 0o7777n;

// Names are bytes: they are handed over as buffers that end in NUL.
const mknodCall = declareSyscall<[Uint8Array, number, bigint]>(
  'int mknod(const void *path, uint mode, uint64_t device)',
);
const linkat = declareSyscall<[number, string, number, Uint8Array, number]>(
  'int linkat(int oldDirectory, const char *old, int newDirectory, const void *new, int flags)',
);
const ioctl = declareSyscall<[number, number, number]>('int ioctl(int fd, ulong request, int argument)');

/** Copies of files that have several names, by device and inode of the original. */
type Links = Map<string, OwnedFd>;

/**
 * Copies what is in one directory into another, and that directory's own attributes: owners, modes, times, extended
 * attributes, hard links, symbolic links, devices, fifos and holes. Data are shared where the file system can (reflinks).
 * What is there already stays. Others may change both trees meanwhile: every step goes by descriptor and follows no link, so
 * nothing outside is read or written. Blocks: for worker threads.
 */
export function copyTreeNow(source: string, destination: string): void {
  using from = ownFd(openSync(source, constants.O_DIRECTORY | O_PATH | O_CLOEXEC));
  using to = ownFd(openSync(destination, constants.O_DIRECTORY | O_PATH | O_CLOEXEC));
  const links = new Map<string, OwnedFd>();
  try {
    copyEntries(from.fd, to.fd, links);
  } finally {
    for (const copy of links.values()) copy[Symbol.dispose]();
  }
  copyAttributes(from.fd, to.fd, fstatSync(from.fd, { bigint: true }));
}

/** Originals with several names of which the copies are kept open; the names of any further become files of their own. */
const LINKED_MAX = 512;

function copyEntries(from: number, to: number, links: Links): void {
  for (const name of readdirSync(`/proc/self/fd/${from}`, { encoding: 'buffer' })) copyEntry(from, to, name, links);
}

const within = (directory: number, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name]);
const terminated = (path: Buffer): Buffer => Buffer.concat([path, Buffer.alloc(1)]);

/** One name. Whoever changes the trees meanwhile decides whether it is there, not where anything goes. */
function copyEntry(from: number, to: number, name: Buffer, links: Links): void {
  try {
    using source = openNamed(from, name);
    const stats = fstatSync(source.fd, { bigint: true });
    if (stats.nlink > 1n && !stats.isDirectory() && linkAgain(links, stats, to, name)) return;
    makeEmpty(from, to, name, stats);
    using copy = openNamed(to, name);
    const made = fstatSync(copy.fd, { bigint: true });
    if ((made.mode & ~PERMISSIONS) !== (stats.mode & ~PERMISSIONS)) return; // Somebody has put something else there.
    if (stats.isDirectory()) copyEntries(source.fd, copy.fd, links);
    if (stats.isFile()) copyData(source.fd, copy.fd, Number(stats.size));
    copyAttributes(source.fd, copy.fd, stats);
    if (stats.nlink > 1n && !stats.isDirectory()) remember(links, stats, copy);
  } catch (error) {
    if (!['EEXIST', 'ENOENT', 'ELOOP'].includes(errnoOf(error) ?? '')) throw error;
  }
}

const openNamed = (directory: number, name: Buffer): OwnedFd =>
  ownFd(openSync(within(directory, name), O_PATH | constants.O_NOFOLLOW | O_CLOEXEC));

/** Makes the thing without content and with no rights for others. Throws EEXIST where the name is taken. */
function makeEmpty(from: number, to: number, name: Buffer, stats: BigIntStats): void {
  const path = within(to, name);
  if (stats.isDirectory()) mkdirSync(path, { mode: 0o700 });
  else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(within(from, name), { encoding: 'buffer' }), path);
  else if (stats.isFile()) {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | O_CLOEXEC, 0o600));
  } else {
    mknodCall.call('make a special file', terminated(path), Number(stats.mode & ~PERMISSIONS) | 0o600, stats.rdev);
  }
}

const keyOf = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

/** Gives a file that is copied already this further name. False where it is not. */
function linkAgain(links: Links, stats: BigIntStats, to: number, name: Buffer): boolean {
  const linked = links.get(keyOf(stats));
  if (linked === undefined) return false;
  const path = terminated(within(to, name));
  linkat.call('make a hard link', AT_FDCWD, `/proc/self/fd/${linked.fd}`, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
  return true;
}

function remember(links: Links, stats: BigIntStats, copy: OwnedFd): void {
  if (links.size >= LINKED_MAX) return;
  links.set(keyOf(stats), ownFd(copy.release()));
}

/** Shares the data or copies them; holes are not read, and what is all zeros becomes one. */
function copyData(fromPath: number, toPath: number, sizeBytes: number): void {
  const [from, to] = [
    openSync(`/proc/self/fd/${fromPath}`, constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC),
    openSync(`/proc/self/fd/${toPath}`, constants.O_WRONLY | O_CLOEXEC),
  ];
  try {
    if (sizeBytes === 0 || ioctl.attempt(to, FICLONE, from).errno === undefined) return;
    const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, sizeBytes));
    for (const [start, end] of dataRanges(from)) {
      for (let at = start; at < end; ) {
        const count = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at);
        if (count === 0) break;
        writeSparse(to, buffer.subarray(0, count), at);
        at += count;
      }
    }
    ftruncateSync(to, Number(fstatSync(from).size));
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** In this order: giving a file away takes its set-id bits and capabilities, and all of it its times. */
function copyAttributes(from: number, to: number, stats: BigIntStats): void {
  const path = `/proc/self/fd/${to}`;
  chownSync(path, Number(stats.uid), Number(stats.gid));
  if (!stats.isSymbolicLink()) chmodSync(path, Number(stats.mode & PERMISSIONS));
  if (!stats.isSymbolicLink()) copyXattrs(`/proc/self/fd/${from}`, path);
  setTimesOfOpen(to, stats.atimeNs, stats.mtimeNs);
}
