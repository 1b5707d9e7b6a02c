import { errnoOf } from '#/base/errors.ts';
import { declareSyscall } from './ffi.ts';

/** Flags of mount(2). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  BIND: 4096,
  REC: 16384,
  PRIVATE: 1 << 18,
} as const;

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

const mountCall = declareSyscall<[string | null, string, string | null, number, string | null]>(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const umount2 = declareSyscall<[string, number]>('int umount2(const char *target, int flags)');

/** mount(2), on this thread. `flags` are of `MS`; `data` is at most one page. */
export function mount(source: string, target: string, type: string, flags: number, data = ''): void {
  mountCall.call(`mount ${type} ${source} on ${target}`, source, target, type, flags, data);
}

/** mount(2) on another thread, for file systems whose server may be slow; an empty `type` or `data` is none. */
export async function mountAsync(
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
): Promise<void> {
  const orNull = (text: string): string | null => (text === '' ? null : text);
  await mountCall.callAsync(`mount ${source} on ${target}`, source, target, orNull(type), flags, orNull(data));
}

export interface BindOptions {
  /** With all mounts below the source. */
  readonly recursive?: boolean;
  /** Only the topmost mount becomes read-only. */
  readonly readOnly?: boolean;
}

/** Makes `target` show what `source` shows. Both exist: directories, or files. */
export function bindMount(source: string, target: string, options: BindOptions = {}): void {
  const attempted = `bind-mount ${source} on ${target}`;
  mountCall.call(attempted, source, target, null, MS.BIND | (options.recursive ? MS.REC : 0), null);
  // A bind takes no flags of its own: they need a second call (mount(2), "Remounting").
  if (options.readOnly) mountCall.call(attempted, null, target, null, MS.REMOUNT | MS.BIND | MS.RDONLY, null);
}

/** From now on mounts below `target`, a mount point, neither come from nor go to other namespaces. */
export function makePrivate(target: string, { recursive = false } = {}): void {
  mountCall.call(`make ${target} private`, null, target, null, MS.PRIVATE | (recursive ? MS.REC : 0), null);
}

/**
 * Unmounts the topmost mount at `target`, off the event loop: it can sleep for as long as a file system takes to sync.
 * False where nothing is mounted there. `detach` also takes a mount that is in use; it ends when its last user goes.
 */
export async function unmount(target: string, { detach = false } = {}): Promise<boolean> {
  try {
    await umount2.callAsync(`unmount ${target}`, target, UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EINVAL' || errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
