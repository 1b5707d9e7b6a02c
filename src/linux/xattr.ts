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
