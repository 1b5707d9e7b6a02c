import { closeSync, constants, openSync } from 'node:fs';
import { EngineError } from '#/base/errors.ts';
import { declareSyscall } from './ffi.ts';

/** quotactl_fd(2), Linux 5.14: the same number on every architecture; glibc has no wrapper. */
const SYS_QUOTACTL_FD = 443;
/** Commands that XFS brought and all file systems answer, for quotas of kind `project`. Source: linux/dqblk_xfs.h. */
const projectCommand = (number: number): number => (((('X'.charCodeAt(0) << 8) + number) << 8) | 2) >>> 0;
const SET_LIMIT = projectCommand(4);
const GET_STATE = projectCommand(5);
const STATE_BYTES = 80;
const STATE_ENFORCED = 1 << 5;
const LIMIT_BYTES = 112;
const LIMIT_VERSION = 1;
const LIMIT_OF_PROJECT = 2;
const FIELDS_BLOCKS_SOFT_AND_HARD = 0b1100;
const BLOCK_BYTES = 512;

/** struct fsxattr of linux/fs.h. */
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const ATTRIBUTES_BYTES = 28;
const PROJECT_OFFSET = 12;
const XFLAG_PROJINHERIT = 0x200;

const quotactl = declareSyscall<[number, number, number, number, Uint8Array]>(
  'long syscall(long number, uint fd, uint command, uint id, void *address)',
);
const ioctl = declareSyscall<[number, number, Uint8Array]>('int ioctl(int fd, ulong request, void *argument)');

/** Whether the file system of a directory enforces project quotas: ext4 and XFS do, mounted with `prjquota`. */
export function enforcesProjectQuotas(directory: string): boolean {
  return withDirectory(directory, (fd) => {
    const state = Buffer.alloc(STATE_BYTES);
    const { errno } = quotactl.attempt(SYS_QUOTACTL_FD, fd, GET_STATE, 0, state);
    return errno === undefined && (state.readUInt16LE(2) & STATE_ENFORCED) !== 0;
  });
}

/** Puts a directory, and all that is made in it from now on, into a project. Throws where its file system has none. */
export function assignProject(directory: string, projectId: number): void {
  withDirectory(directory, (fd) => {
    const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
    ioctl.call(`read the attributes of ${directory}`, fd, FS_IOC_FSGETXATTR, attributes);
    attributes.writeUInt32LE(attributes.readUInt32LE(0) | XFLAG_PROJINHERIT, 0);
    attributes.writeUInt32LE(projectId, PROJECT_OFFSET);
    ioctl.call(`put ${directory} into the project ${projectId}`, fd, FS_IOC_FSSETXATTR, attributes);
  });
}

/** What all files of a project on the file system of a directory may take together; 0 lifts the limit. */
export function limitProject(directory: string, projectId: number, sizeBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw new EngineError('invalid-argument', `limit project ${projectId}: ${sizeBytes} is no size in bytes`);
  withDirectory(directory, (fd) => {
    const blocks = BigInt(Math.ceil(sizeBytes / BLOCK_BYTES));
    const limit = Buffer.alloc(LIMIT_BYTES);
    limit.writeInt8(LIMIT_VERSION, 0);
    limit.writeInt8(LIMIT_OF_PROJECT, 1);
    limit.writeUInt16LE(FIELDS_BLOCKS_SOFT_AND_HARD, 2);
    limit.writeUInt32LE(projectId, 4);
    limit.writeBigUInt64LE(blocks, 8);
    limit.writeBigUInt64LE(blocks, 16);
    quotactl.call(`limit project ${projectId} of ${directory}`, SYS_QUOTACTL_FD, fd, SET_LIMIT, projectId, limit);
  });
}

function withDirectory<T>(directory: string, body: (fd: number) => T): T {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return body(fd);
  } finally {
    closeSync(fd);
  }
}
