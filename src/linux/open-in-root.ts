import { constants, fstatSync, readSync } from 'node:fs';
import { EngineError, errnoError, toEngineError } from '#/base/errors.ts';
import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';

/** openat2(2): the same number on every architecture. */
const SYS_OPENAT2 = 437;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_BENEATH = 0x08;
const RESOLVE_IN_ROOT = 0x10;
const OPEN_HOW_BYTES = 24;
const O_CLOEXEC = 0o2000000;
/** Names a file without opening it (open(2)); Node has no name for it. */
const O_PATH = 0o10000000;

const openat2 = declareSyscall<[number, number, string, Uint8Array, number]>(
  'long syscall(long number, int dirfd, const char *path, const void *how, size_t size)',
);
const openCall = declareSyscall<[string, number]>('int open(const char *path, int flags)');

/**
 * The first `maxBytes` of a regular file inside a tree that somebody else may change at this moment: symbolic links,
 * absolute ones and `..` too, are followed as if `root` were `/`, by the kernel, so none of them can lead out.
 * Undefined where there is no such file, or it is not a regular one.
 */
export function readFileInRoot(root: string, path: string, maxBytes: number): Buffer | undefined {
  using directory = ownFd(openCall.call(`open ${root}`, root, constants.O_DIRECTORY | constants.O_RDONLY | O_CLOEXEC));
  const how = Buffer.alloc(OPEN_HOW_BYTES);
  how.writeBigUInt64LE(BigInt(constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16);
  const opened = openat2.attempt(SYS_OPENAT2, directory.fd, path, how, OPEN_HOW_BYTES);
  if (opened.errno !== undefined) return undefined;
  using file = ownFd(opened.value);
  const stats = fstatSync(file.fd);
  if (!stats.isFile()) return undefined;
  // Files of the kernel's own say 0.
  const buffer = Buffer.alloc(stats.size === 0 ? maxBytes : Math.min(maxBytes, stats.size));
  let length = 0;
  try {
    while (length < buffer.length) {
      const count = readSync(file.fd, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
  } catch (error) {
    throw toEngineError(error, `read ${path} in ${root}`);
  }
  return buffer.subarray(0, length);
}

interface FoundPath extends OwnedFd {
  readonly isDirectory: boolean;
}

/** How often a path is looked for again that others rename meanwhile. */
const ATTEMPTS_MAX = 32;

/**
 * What lies at a relative path below a directory in which others may swap names and links at this moment; the kernel
 * follows links only as long as they stay below. Nothing is opened: the descriptor names it, for `/proc/self/fd`.
 * Throws invalid-argument with Docker's texts where there is nothing, or where the path leads out.
 */
export function openBeneath(root: string, path: string): FoundPath {
  using directory = ownFd(openCall.call(`open ${root}`, root, constants.O_DIRECTORY | O_PATH | O_CLOEXEC));
  const how = Buffer.alloc(OPEN_HOW_BYTES);
  how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), 16);
  for (let attempt = 1; ; attempt++) {
    const { value, errno } = openat2.attempt(SYS_OPENAT2, directory.fd, path, how, OPEN_HOW_BYTES);
    if (errno === 'EAGAIN' && attempt < ATTEMPTS_MAX) continue;
    if (errno !== undefined) throw notBeneath(root, path, errno);
    return Object.assign(ownFd(value), { isDirectory: fstatSync(value).isDirectory() });
  }
}

function notBeneath(root: string, path: string, errno: string): EngineError {
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new EngineError('invalid-argument', `cannot access path ${root}/${path}: no such file or directory`);
    case 'EXDEV':
      return new EngineError(
        'invalid-argument',
        `path concatenated with subpath escapes the base: base=${root}, subpath=${path}`,
      );
    default:
      return errnoError(`cannot access path ${root}/${path}`, errno);
  }
}
