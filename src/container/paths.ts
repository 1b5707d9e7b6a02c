import { join } from 'node:path';
import type { ContainerId } from '#/base/ids.ts';
import { sandboxPath } from '#/network/sandbox.ts';
import type { ContainerRoom } from './room.ts';

/** Where a container's own files lie: every path is computed from its id. */
export interface ContainerPaths {
  readonly dir: string;
  readonly hostname: string;
  readonly hosts: string;
  readonly resolvConf: string;
  readonly log: string;
  /** Mount point of a /dev/shm that other containers may join. */
  readonly shm: string;
  /** The network namespace, where it has one of its own. */
  readonly sandbox: string;
  /** Mount points of parts of volumes, and of images, that are shown inside. */
  readonly mounts: string;
}

export function containerPaths(room: Pick<ContainerRoom, 'settings'>, id: ContainerId): ContainerPaths {
  const dir = join(room.settings.dataRoot, 'containers', id);
  return {
    dir,
    hostname: join(dir, 'hostname'),
    hosts: join(dir, 'hosts'),
    resolvConf: join(dir, 'resolv.conf'),
    log: join(dir, 'container.log'),
    shm: join(dir, 'shm'),
    sandbox: sandboxPath(room.settings.execRoot, id),
    mounts: join(dir, 'mounts'),
  };
}
