import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import type { OciMount } from '#/spec/oci/runtime.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import type { ContainerNetwork } from './connect-network.ts';
import { refuseMountTarget, resolveInRoot } from './mount-points.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { planSharedMemory } from './shared-memory.ts';
import { mountSource } from './volume-mounts.ts';

/** Where the init program is shown inside the container. */
export const INIT_TARGET = '/sbin/docker-init';

/** Everything that is mounted over a container's root, outer paths before inner ones. */
export function planMounts(
  room: ContainerRoom,
  record: ContainerRecord,
  network: ContainerNetwork,
  rootPath: string,
): readonly OciMount[] {
  const { config } = record;
  const own = config.mounts.map((mount) => planMount(room, record, mount, rootPath));
  const taken = new Set(own.map((mount) => mount.destination));
  const standard = [
    ...systemMounts(config),
    ...planSharedMemory(room, record),
    ...etcMounts(room, network.sharedWith ?? record, config.readOnlyRoot),
  ];
  const kept = standard.filter(
    ({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')),
  );
  const init = config.process.init === true ? [initMount(room, rootPath)] : [];
  return [...kept, ...own, ...init].sort((a, b) => depthOf(a.destination) - depthOf(b.destination));
}

const depthOf = (path: string): number => path.split('/').filter((part) => part !== '').length;

function systemMounts({ security }: ContainerConfig): readonly OciMount[] {
  const access = security.privileged ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, 'nosuid', 'noexec', 'nodev'] },
    // Of whatever IPC namespace it is mounted in; not every host has its own at /dev/mqueue.
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  ];
}

function etcMounts(room: ContainerRoom, { id }: ContainerRecord, readOnly: boolean): readonly OciMount[] {
  const paths = containerPaths(room, id);
  const files = [
    ['/etc/resolv.conf', paths.resolvConf],
    ['/etc/hostname', paths.hostname],
    ['/etc/hosts', paths.hosts],
  ] as const;
  const options = ['rbind', 'rprivate', ...(readOnly ? ['ro'] : [])];
  return files.map(([destination, source]) => ({ destination, type: 'bind', source, options }));
}

function initMount(room: ContainerRoom, rootPath: string): OciMount {
  const { initPath } = room.settings;
  if (initPath === undefined) {
    throw new EngineError('unavailable', 'no init program for --init: install catatonit or tini on this host');
  }
  const destination = resolveInRoot(rootPath, INIT_TARGET);
  return { destination, type: 'bind', source: initPath, options: ['bind', 'ro'] };
}

/** Name of the init program, for `info`. */
export const initName = (path: string | undefined): string => (path === undefined ? '' : basename(path));

function planMount(room: ContainerRoom, record: ContainerRecord, mount: MountSpec, rootPath: string): OciMount {
  const destination = resolveInRoot(rootPath, mount.target);
  refuseMountTarget(destination, mount.kind === 'bind' ? mount.source : undefined);
  const bind = (source: string, ...options: readonly string[]): OciMount => ({
    destination,
    type: 'bind',
    source,
    options,
  });
  switch (mount.kind) {
    case 'bind':
      return bind(mount.source, ...spreadOf(mount), accessOf(mount));
    case 'volume':
    case 'image': {
      const source = mountSource(room, record, mount);
      const isReadOnly = mount.kind === 'image' || mount.readOnly;
      return bind(source, 'rbind', 'rprivate', isReadOnly ? readOnlyOption(source) : 'rw');
    }
    case 'tmpfs':
      return { destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(mount) };
    default:
      return mount satisfies never;
  }
}

/** With one mount only, its propagation is said without `r`: crun would take that for `rbind`. */
function spreadOf({ recursive, propagation }: Extract<MountSpec, { kind: 'bind' }>): readonly string[] {
  return recursive ? ['rbind', propagation] : ['bind', propagation.replace(/^r/, '')];
}

function accessOf({ source, readOnly, recursive, readOnlyRecursive }: Extract<MountSpec, { kind: 'bind' }>): string {
  if (!readOnly) return 'rw';
  return recursive && readOnlyRecursive !== 'no' ? readOnlyOption(source) : 'ro';
}

/** Read-only with all that is mounted below (mount_setattr(2), Linux 5.12). Below a file nothing is, and crun refuses it there. */
const readOnlyOption = (source: string): string =>
  statSync(source, { throwIfNoEntry: false })?.isDirectory() === true ? 'rro' : 'ro';

function tmpfsOptions(mount: Extract<MountSpec, { kind: 'tmpfs' }>): readonly string[] {
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
