import { constants } from 'node:fs';
import { declareSyscall } from './ffi.ts';

const mknodCall = declareSyscall<[string, number, bigint]>('int mknod(const char *path, uint mode, uint64_t device)');
const lchownCall = declareSyscall<[string, number, number]>('int lchown(const char *path, uint uid, uint gid)');
const utimensat = declareSyscall<[number, string, Uint8Array, number]>(
  'int utimensat(int directory, const char *path, const void *times, int flags)',
);

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;

export type NodeType = 'character' | 'block' | 'fifo' | 'socket';

const TYPE_BITS = {
  character: constants.S_IFCHR,
  block: constants.S_IFBLK,
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
} as const satisfies Record<NodeType, number>;

/** Makes a device (0:0 is overlayfs' whiteout), fifo or socket. The umask takes its share of `mode`: chmod for an exact one. */
export function makeNode(path: string, type: NodeType, mode: number, device = { major: 0, minor: 0 }): void {
  mknodCall.call(`make ${type} ${path}`, path, TYPE_BITS[type] | mode, deviceNumber(device.major, device.minor));
}

/** Sets owner and group, of a symbolic link itself too; ids up to 2³² − 2. */
export function changeOwner(path: string, uid: number, gid: number): void {
  lchownCall.call(`give ${path} to ${uid}:${gid}`, path, uid, gid);
}

/** Sets the times, of a symbolic link itself too, to the nanosecond; times before 1970 are negative. */
export function setTimes(path: string, accessedNs: bigint, modifiedNs: bigint): void {
  const times = printTimes(accessedNs, modifiedNs);
  utimensat.call(`set the times of ${path}`, AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

/** The same for whatever a descriptor names, also one of O_PATH. */
export function setTimesOfOpen(fd: number, accessedNs: bigint, modifiedNs: bigint): void {
  utimensat.call('set times', AT_FDCWD, `/proc/self/fd/${fd}`, printTimes(accessedNs, modifiedNs), 0);
}

function printTimes(...times: readonly bigint[]): Buffer {
  const printed = Buffer.alloc(32);
  for (const [index, time] of times.entries()) {
    const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    printed.writeBigInt64LE((time - nanoseconds) / 1_000_000_000n, index * 16);
    printed.writeBigInt64LE(nanoseconds, index * 16 + 8);
  }
  return printed;
}

/** makedev(3) of glibc and musl: the halves of both numbers interleaved. */
export function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** The numbers of a device from `st_rdev`; the inverse of makedev(3). */
export function splitDeviceNumber(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)),
    minor: Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn)),
  };
}
