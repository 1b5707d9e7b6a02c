import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { splitDeviceNumber } from './file-nodes.ts';

/** A device of the host. */
export interface HostDevice {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The device at `path`, or all devices below it where it is a directory (`/dev/snd`), by path. Links are followed at the
 * top only. Throws not-found where there is nothing, invalid-argument where it is neither.
 */
export function listDevices(path: string): readonly HostDevice[] {
  const stats = inspect(path);
  if (stats.device !== undefined) return [stats.device];
  if (stats.isDirectory) return walk(path);
  throw new EngineError('invalid-argument', `${path} is not a device node`);
}

function walk(directory: string): readonly HostDevice[] {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    // What runtimes make afresh for every container.
    if (entry.isDirectory()) return ['pts', 'shm', 'fd', 'mqueue', '.lxc'].includes(entry.name) ? [] : walk(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    return inspect(path).device ?? [];
  });
}

function inspect(path: string): { readonly device: HostDevice | undefined; readonly isDirectory: boolean } {
  try {
    const stats = statSync(path, { bigint: true });
    const type = stats.isCharacterDevice() ? 'c' : stats.isBlockDevice() ? 'b' : undefined;
    if (type === undefined) return { device: undefined, isDirectory: stats.isDirectory() };
    const fileMode = Number(stats.mode & 0o7777n);
    const owner = { uid: Number(stats.uid), gid: Number(stats.gid) };
    return { device: { path, type, ...splitDeviceNumber(stats.rdev), fileMode, ...owner }, isDirectory: false };
  } catch (error) {
    throw toEngineError(error, `look at device ${path}`);
  }
}
