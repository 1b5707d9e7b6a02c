import { statSync } from 'node:fs';
import { EngineError } from '#/base/errors.ts';
import { isKernelAtLeast } from '#/linux/kernel-version.ts';
import type { MountSpec } from './config.ts';
import type { ContainerRoom } from './room.ts';

type Bind = Extract<MountSpec, { kind: 'bind' }>;
type Tmpfs = Extract<MountSpec, { kind: 'tmpfs' }>;

/** mount_setattr(2), by which both runtimes do `rro`. */
const RECURSIVE_READ_ONLY_SINCE = '5.12';

/** How the runtime is to bind what a bind mount names. Throws invalid-argument for what this kernel cannot. */
export function bindOptions(room: Pick<ContainerRoom, 'host'>, mount: Bind): readonly string[] {
  const { source, readOnly, recursive, readOnlyRecursive, propagation } = mount;
  if (readOnly && readOnlyRecursive === 'required' && !canRecurse(room))
    throw new EngineError(
      'invalid-argument',
      `failed to set recursive read-only: Linux ${RECURSIVE_READ_ONLY_SINCE} or later is needed, this is ${room.host.kernelVersion}`,
    );
  // With one mount only, its propagation is said without `r`: crun would take that for `rbind`.
  const spread = recursive ? ['rbind', propagation] : ['bind', propagation.replace(/^r/, '')];
  if (!readOnly) return [...spread, 'rw'];
  return [...spread, recursive && readOnlyRecursive !== 'no' ? readOnlyOption(room, source) : 'ro'];
}

/** Read-only with all that is mounted below, where the kernel can. Below a file nothing is, and crun refuses it there. */
export function readOnlyOption(room: Pick<ContainerRoom, 'host'>, source: string): 'rro' | 'ro' {
  const isDirectory = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  return isDirectory && canRecurse(room) ? 'rro' : 'ro';
}

const canRecurse = ({ host }: Pick<ContainerRoom, 'host'>): boolean =>
  isKernelAtLeast(host.kernelVersion, RECURSIVE_READ_ONLY_SINCE);

export function tmpfsOptions(mount: Tmpfs): readonly string[] {
  return lastOfEach([
    'nosuid',
    'nodev',
    'noexec',
    ...mount.options,
    ...(mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`]),
    ...(mount.mode === undefined ? [] : [`mode=${mount.mode.toString(8)}`]),
  ]);
}

const OPPOSITES: Readonly<Record<string, string>> = { suid: 'nosuid', dev: 'nodev', exec: 'noexec' };

/** An option that was asked for takes its opposite's place. */
function lastOfEach(options: readonly string[]): readonly string[] {
  const removed = new Set(options.flatMap((option) => OPPOSITES[option] ?? []));
  return options.filter((option) => !removed.has(option));
}
