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

/** The names of the extended attributes of a file, not following a symbolic link; none where its file system has none. */
export function listXattrs(path: string): readonly string[] {
  const attempted = `list the extended attributes of ${path}`;
  let buffer = Buffer.alloc(USUAL_BYTES);
  let { value: length, errno } = list.attempt(path, buffer, buffer.length);
  if (errno === 'EOPNOTSUPP') return [];
  if (errno !== undefined) {
    buffer = Buffer.alloc(LIMIT_BYTES);
    length = list.call(attempted, path, buffer, buffer.length);
  }
  return buffer
    .toString('utf8', 0, length)
    .split('\0')
    .filter((name) => name !== '');
}

/** An attribute's value; undefined where the file has none of that name. */
export function getXattr(path: string, name: string): Buffer | undefined {
  let buffer = Buffer.alloc(USUAL_BYTES);
  let { value: length, errno } = get.attempt(path, name, buffer, buffer.length);
  if (errno === 'ENODATA' || errno === 'EOPNOTSUPP') return undefined;
  if (errno !== undefined) {
    buffer = Buffer.alloc(LIMIT_BYTES);
    length = get.call(`read the extended attribute ${name} of ${path}`, path, name, buffer, buffer.length);
  }
  return buffer.subarray(0, length);
}

/** Sets or replaces an attribute, of a symbolic link itself too. */
export function setXattr(path: string, name: string, value: Uint8Array): void {
  set.call(`set the extended attribute ${name} of ${path}`, path, name, value, value.length, 0);
}

/** All extended attributes, following a link at the end of `path`; none where the file system has none. */
export function readXattrs(path: string): ReadonlyMap<string, Buffer> {
  const names = Buffer.alloc(LIMIT_BYTES);
  const { value: length, errno } = listFollowing.attempt(path, names, names.length);
  if (errno === 'EOPNOTSUPP' || length === 0) return new Map();
  if (errno !== undefined) throw errnoError(`list the extended attributes of ${path}`, errno);
  const value = Buffer.alloc(LIMIT_BYTES);
  const found = new Map<string, Buffer>();
  for (const name of names.toString('utf8', 0, length).split('\0').filter(Boolean)) {
    const got = getFollowing.attempt(path, name, value, value.length);
    if (got.errno === 'ENODATA') continue;
    if (got.errno !== undefined) throw errnoError(`read the extended attribute ${name} of ${path}`, got.errno);
    found.set(name, Buffer.from(value.subarray(0, got.value)));
  }
  return found;
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
