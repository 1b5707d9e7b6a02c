import { readSync } from 'node:fs';
import { EngineError, errnoError } from '#/base/errors.ts';
import { declareSyscall, ownFd } from './ffi.ts';

/** Attributes of a mount (mount_setattr(2)), to be combined. */
export const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4 } as const;

/** Of one option; longer values go through mount(2). */
export const VALUE_LIMIT_BYTES = 255;

export interface NewFileSystem {
  readonly type: string;
  /** In order; `true` for an option without a value. Values are not split at commas and may be of any number. */
  readonly options: readonly (readonly [key: string, value: string | true])[];
  /** Of `MOUNT_ATTR`. */
  readonly attributes: number;
  /** Make the file system itself read-only, not only this mount of it. */
  readonly readOnly?: boolean;
}

// These numbers are the same on every architecture (they came after the tables were unified).
const SYS_MOVE_MOUNT = 429;
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const AT_FDCWD = -100;
const MOVE_MOUNT_F_EMPTY_PATH = 4;

// glibc before 2.36, and musl, have no wrappers: syscall(2) itself, once for each signature.
const fsopen = declareSyscall<[number, string, number]>('long syscall(long number, const char *type, uint flags)');
const fsconfig = declareSyscall<[number, number, number, string | null, string | null, number]>(
  'long syscall(long number, int fd, uint command, const char *key, const char *value, int aux)',
);
const fsmount = declareSyscall<[number, number, number, number]>(
  'long syscall(long number, int fd, uint flags, uint attr)',
);
const moveMount = declareSyscall<[number, number, string, number, string, number]>(
  'long syscall(long number, int fromFd, const char *from, int toFd, const char *to, uint flags)',
);

/**
 * Mounts a new file system through fsopen(2), which has no limit of one page for options and says why it refuses.
 * Throws an EngineError whose message holds the kernel's own explanation, where it gave one; errno ENOSYS where the
 * kernel has no fsopen, EINVAL where it does not know an option.
 */
export function mountFileSystem({ type, options, attributes, readOnly }: NewFileSystem, target: string): void {
  const attempted = `mount ${type} on ${target}`;
  using context = ownFd(fsopen.call(attempted, SYS_FSOPEN, type, CLOEXEC));
  const configure = (command: number, key: string | null, value: string | null): void => {
    const { errno } = fsconfig.attempt(SYS_FSCONFIG, context.fd, command, key, value, 0);
    if (errno !== undefined)
      throw explained(`${attempted}${key === null ? '' : ` (option ${key})`}`, errno, context.fd);
  };
  for (const [key, value] of options) {
    if (value === true) configure(FSCONFIG_SET_FLAG, key, null);
    else configure(FSCONFIG_SET_STRING, key, value);
  }
  if (readOnly) configure(FSCONFIG_SET_FLAG, 'ro', null);
  configure(FSCONFIG_CMD_CREATE, null, null);
  using mounted = ownFd(fsmount.call(attempted, SYS_FSMOUNT, context.fd, CLOEXEC, attributes));
  moveMount.call(attempted, SYS_MOVE_MOUNT, mounted.fd, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

/** The error for a refused option; reading the context's descriptor gives the kernel's messages, one each time. */
function explained(attempted: string, errno: string, contextFd: number): EngineError {
  const plain = errnoError(attempted, errno);
  const messages: string[] = [];
  const buffer = Buffer.alloc(1024);
  for (let i = 0; i < 8; i++) {
    try {
      messages.push(
        buffer
          .toString('utf8', 0, readSync(contextFd, buffer))
          .replace(/^[ewi] /, '')
          .trim(),
      );
    } catch {
      break; // ENODATA: that was all.
    }
  }
  return messages.length === 0
    ? plain
    : new EngineError(plain.kind, `${plain.message} (${messages.join('; ')})`, { errno });
}

/** Whether the kernel has a file system, also one that it loads as a module for the asking. */
export function knowsFileSystem(type: string): boolean {
  const { value, errno } = fsopen.attempt(SYS_FSOPEN, type, CLOEXEC);
  if (errno === undefined) ownFd(value)[Symbol.dispose]();
  // Anything but "no such device" comes from kernels without fsopen: let the mount itself tell.
  return errno !== 'ENODEV';
}
