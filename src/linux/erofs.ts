import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, toEngineError } from '#/base/errors.ts';
import { MOUNT_ATTR, mountFileSystem, VALUE_LIMIT_BYTES } from './fs-context.ts';
import { MS, mount } from './mount.ts';

/**
 * Mounts an EROFS index whose data lie in `tarPath`, read-only. Devices in it cannot be opened here; an overlay above
 * decides for itself. The kernel does not check that the two belong together: the caller does, after mounting.
 */
export function mountErofs(indexPath: string, tarPath: string, target: string): void {
  try {
    // Without directio each page is cached twice, as the index's and as the tar's.
    mountIndex(indexPath, tarPath, target, true);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error;
    mountIndex(indexPath, tarPath, target, false);
  }
}

function mountIndex(indexPath: string, tarPath: string, target: string, direct: boolean): void {
  if (Math.max(Buffer.byteLength(indexPath), Buffer.byteLength(tarPath)) > VALUE_LIMIT_BYTES) {
    const data = `${direct ? 'directio,' : ''}device=${tarPath}`;
    mount(indexPath, target, 'erofs', MS.RDONLY | MS.NODEV, data);
    return;
  }
  const options = [['source', indexPath] as const, ['device', tarPath] as const];
  const attributes = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NODEV;
  const all = direct ? [...options, ['directio', true] as const] : options;
  mountFileSystem({ type: 'erofs', options: all, attributes, readOnly: true }, target);
}

export interface Capability {
  readonly available: boolean;
  /** One line for people: why, or why not. */
  readonly reason: string;
}

/** Whether EROFS indexes that lie in this directory can be mounted without a loop device. Tries it. */
export function probeErofs(directory: string): Capability {
  // One name, so that what a killed engine left goes with the next trial.
  const trial = join(directory, '.erofs-probe');
  try {
    rmSync(trial, { recursive: true, force: true });
    mkdirSync(trial, { mode: 0o700 });
  } catch (error) {
    throw toEngineError(error, `probe EROFS in ${directory}`);
  }
  try {
    const image = join(trial, 'image');
    writeFileSync(image, Buffer.alloc(4096));
    return judge(refusalOf(image, trial));
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

function refusalOf(image: string, target: string): string | undefined {
  try {
    mountFileSystem({ type: 'erofs', options: [['source', image]], attributes: 0, readOnly: true }, target);
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

/** A file of zeros is never mounted, but a kernel that can looks into it before it says no. */
function judge(errno: string | undefined): Capability {
  switch (errno) {
    case 'EINVAL':
      return { available: true, reason: 'file-backed EROFS mounts work' };
    case 'ENOTBLK':
      return {
        available: false,
        reason: 'this kernel mounts EROFS from block devices only (files from Linux 6.12 on)',
      };
    case 'ENODEV':
      return { available: false, reason: 'this kernel has no EROFS' };
    default:
      return { available: false, reason: `a trial mount of EROFS failed (${errno ?? 'no error where one was due'})` };
  }
}
