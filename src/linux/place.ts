import { type BigIntStats, constants, fstatSync, openSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { errnoError } from '#/base/errors.ts';
import { declareSyscall, ownFd } from './ffi.ts';

const O_CLOEXEC = 0o2000000;
/** Names a file without opening it (open(2)); Node has no name for it. */
const O_PATH = 0o10000000;
const LINK_BYTES_MAX = 4096;
/** proc, sysfs, cgroup, cgroup2, devpts, mqueue (linux/magic.h). */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x19800202,
]);

const readlinkat = declareSyscall<[number, string, Uint8Array, number]>(
  'long readlinkat(int directory, const char *path, void *target, size_t size)',
);
const openat = declareSyscall<[number, Uint8Array, number]>('int openat(int directory, const void *path, int flags)');
const mknodat = declareSyscall<[number, Uint8Array, number, bigint]>(
  'int mknodat(int directory, const void *path, uint mode, uint64_t device)',
);

/**
 * A file of any type, held by a descriptor that names it without opening it: whatever others do to its name, it stays the
 * same file. Names are byte strings (one character a byte), since they need not be UTF-8.
 */
export class Place implements Disposable {
  readonly #fd;
  /** Where it is inside its tree: absolute, without links. */
  readonly path: string;
  readonly stats: BigIntStats;
  readonly readOnly: boolean;
  /** Something is mounted here by the tree itself. */
  readonly isMountPoint: boolean;

  constructor(fd: number, path: string, readOnly: boolean, isMountPoint: boolean) {
    this.#fd = ownFd(fd);
    this.path = path;
    this.stats = fstatSync(fd, { bigint: true });
    this.readOnly = readOnly;
    this.isMountPoint = isMountPoint;
  }

  get fd(): number {
    return this.#fd.fd;
  }

  /** A path that leads to this very file, for calls that follow links. */
  get self(): string {
    return pathOfOpen(this.fd);
  }

  /** A path for calls that follow no link at its end: the name in this very directory. */
  child(name: string): Buffer {
    return Buffer.from(`${this.self}/${name}`, 'latin1');
  }

  /** A descriptor for the Place of that name in this directory, not followed; undefined where there is none. */
  openChild(name: string): number | undefined {
    if (name.includes('\0')) return undefined;
    const terminated = Buffer.from(`${name}\0`, 'latin1');
    const { value, errno } = openat.attempt(this.fd, terminated, O_PATH | O_CLOEXEC | constants.O_NOFOLLOW);
    if (errno === 'ENOENT') return undefined;
    if (errno !== undefined) throw errnoError(`open ${this.path}/${name}`, errno);
    return value;
  }

  names(): readonly string[] {
    return readdirSync(this.self, { encoding: 'latin1' });
  }

  /** Of a symbolic link. */
  linkTarget(): string {
    const target = Buffer.alloc(LINK_BYTES_MAX);
    const length = readlinkat.call(`read the link ${this.path}`, this.fd, '', target, target.length);
    return target.toString('latin1', 0, length);
  }

  /** Opens the file itself; `flags` are of open(2). The caller closes it. */
  open(flags: number): number {
    return openSync(this.self, flags | O_CLOEXEC);
  }

  /** Makes a device, fifo or socket in this directory; `mode` with its type. */
  makeNode(name: string, mode: number, device: bigint): void {
    const terminated = Buffer.from(`${name}\0`, 'latin1');
    mknodat.call(`make the special file ${name}`, this.fd, terminated, mode, device);
  }

  /** Of the mount on which it lies (proc_pid_fdinfo(5)). */
  mountId(): number {
    return Number(/^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${this.fd}`, 'latin1'))?.[1]);
  }

  /** On a file system in which the kernel shows itself, not data: /proc, /sys and the like. */
  isOfKernel(): boolean {
    return KERNEL_FILE_SYSTEMS.has(statfsSync(this.self).type);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** A path that leads to what a descriptor of this process names, for calls that follow links. */
export const pathOfOpen = (fd: number): string => `/proc/self/fd/${fd}`;

/** A descriptor for a Place. `path` is followed to its end only with `follow`. */
export function openPath(path: string | Buffer, { follow }: { readonly follow: boolean }): number {
  return openSync(path, O_PATH | O_CLOEXEC | (follow ? 0 : constants.O_NOFOLLOW));
}
