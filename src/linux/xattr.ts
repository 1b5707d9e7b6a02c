import { errnoError } from '#/base/errors.ts';
import { declareSyscall } from './ffi.ts';

const list = declareSyscall<[string, Uint8Array | null, number]>(
  'long llistxattr(const char *path, void *list, size_t size)',
);
const get = declareSyscall<[string, string, Uint8Array | null, number]>(
  'long lgetxattr(const char *path, const char *name, void *value, size_t size)',
);
const set = declareSyscall<[string, string, Uint8Array, number, number]>(
  'int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
);
const listFollowing = declareSyscall<[string, Uint8Array, number]>(
  'long listxattr(const char *path, void *list, size_t size)',
);
const getFollowing = declareSyscall<[string, string, Uint8Array, number]>(
  'long getxattr(const char *path, const char *name, void *value, size_t size)',
);
const setFollowing = declareSyscall<[string, string, Uint8Array, number, number]>(
  'int setxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
);

/** The largest value and list that the kernel has (xattr(7)). */
const LIMIT_BYTES = 65_536;
const USUAL_BYTES = 1024;
const NONE: ReadonlyMap<string, Buffer> = new Map();

/** The names of the extended attributes of a file, not following a symbolic link; none where its file system has none. */
export function listXattrs(path: string): readonly string[] {
  const attempted = `list the extended attributes of ${path}`;
  const names = readGrowing(attempted, (buffer) => list.attempt(path, buffer, buffer.length));
  return names?.toString('utf8').split('\0').filter(Boolean) ?? [];
}

/** An attribute's value; undefined where the file has none of that name. */
export function getXattr(path: string, name: string): Buffer | undefined {
  const attempted = `read the extended attribute ${name} of ${path}`;
  return readGrowing(attempted, (buffer) => get.attempt(path, name, buffer, buffer.length));
}

/** Sets or replaces an attribute, of a symbolic link itself too. */
export function setXattr(path: string, name: string, value: Uint8Array): void {
  set.call(`set the extended attribute ${name} of ${path}`, path, name, value, value.length, 0);
}

/** All extended attributes, following a link at the end of `path`; none where the file system has none. */
export function readXattrs(path: string): ReadonlyMap<string, Buffer> {
  const names = readGrowing(`list the extended attributes of ${path}`, (buffer) =>
    listFollowing.attempt(path, buffer, buffer.length),
  );
  if (names === undefined || names.length === 0) return NONE;
  const found = new Map<string, Buffer>();
  for (const name of names.toString('utf8').split('\0').filter(Boolean)) {
    const value = readGrowing(`read the extended attribute ${name} of ${path}`, (buffer) =>
      getFollowing.attempt(path, name, buffer, buffer.length),
    );
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

/** Most fit in a small buffer; those that do not are read once more. Undefined where there is nothing to read. */
function readGrowing(attempted: string, read: (buffer: Buffer) => ReturnType<typeof list.attempt>): Buffer | undefined {
  for (const size of [USUAL_BYTES, LIMIT_BYTES]) {
    const buffer = Buffer.allocUnsafe(size);
    const { value: length, errno } = read(buffer);
    if (errno === undefined) return buffer.subarray(0, length);
    if (errno === 'ENODATA' || errno === 'EOPNOTSUPP') return undefined;
    if (errno !== 'ERANGE' || size === LIMIT_BYTES) throw errnoError(attempted, errno);
  }
  return undefined;
}

/** Sets an attribute, following a link at the end of `path`; left out where the file system does not take it. */
export function writeXattr(path: string, name: string, value: Uint8Array): void {
  const { errno } = setFollowing.attempt(path, name, value, value.length, 0);
  if (errno !== undefined && errno !== 'EOPNOTSUPP')
    throw errnoError(`set the extended attribute ${name} of ${path}`, errno);
}

/** Copies all extended attributes, following links at both ends; those that the other file system does not take are left out. */
export function copyXattrs(from: string, to: string): void {
  for (const [name, value] of readXattrs(from)) writeXattr(to, name, value);
}
