import { chmodSync, chownSync, constants } from 'node:fs';
import { textOf } from '#/archive/byte-string.ts';
import type { TarEntry } from '#/archive/tar-entry.ts';
import { deviceNumber, setTimesOfOpen } from '#/linux/file-nodes.ts';
import { pathOfOpen } from '#/linux/place.ts';
import { writeXattr } from '#/linux/xattr.ts';
import type { ExtractOptions } from './copy-job.ts';

/** What a tar may set; labels and what overlayfs notes belong to this host. */
const SETTABLE_XATTR = /^(user\.|security\.capability$|system\.posix_acl_(access|default)$)/;

/** In this order: giving a file away takes its set-id bits and capabilities, and all of it its times. */
export function applyEntry(fd: number, entry: TarEntry, owner: ExtractOptions['owner']): void {
  const path = pathOfOpen(fd);
  const { uid, gid } = owner ?? entry;
  chownSync(path, uid, gid);
  if (entry.type !== 'symlink') {
    chmodSync(path, entry.mode);
    for (const [name, value] of entry.xattrs ?? []) {
      if (SETTABLE_XATTR.test(name)) writeXattr(path, textOf(name), value);
    }
  }
  const timeNs = BigInt(entry.mtimeSeconds) * 1_000_000_000n + BigInt(entry.mtimeNanoseconds);
  setTimesOfOpen(fd, timeNs, timeNs);
}

/** Mode with type, and number, of the special file that an entry describes. */
export function deviceOf({ type, major, minor }: TarEntry): readonly [mode: number, device: bigint] {
  if (type === 'fifo') return [constants.S_IFIFO | 0o600, 0n];
  return [(type === 'char' ? constants.S_IFCHR : constants.S_IFBLK) | 0o600, deviceNumber(major, minor)];
}
