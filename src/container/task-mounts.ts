import { basename } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import type { OciMount } from '#/spec/oci/runtime.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import type { ContainerNetwork } from './connect-network.ts';
import { bindOptions, readOnlyOption, tmpfsOptions } from './mount-options.ts';
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
      return bind(mount.source, ...bindOptions(room, mount));
    case 'volume':
    case 'image': {
      const source = mountSource(room, record, mount);
      const isReadOnly = mount.kind === 'image' || mount.readOnly;
      return bind(source, 'rbind', 'rprivate', isReadOnly ? readOnlyOption(room, source) : 'rw');
    }
    case 'tmpfs':
      return { destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(mount) };
    default:
      return mount satisfies never;
  }
}
