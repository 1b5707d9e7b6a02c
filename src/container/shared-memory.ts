import { mkdir } from 'node:fs/promises';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { MS, mount, unmount } from '#/linux/mount.ts';
import type { OciMount } from '#/spec/oci/runtime.ts';
import { requireAlive } from './connect-network.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';

/**
 * Mounts the /dev/shm of a container whose IPC others may join. It lies outside the container, because no mount of
 * another mount namespace can be bound. Others' /dev/shm is the runtime's to make.
 */
export async function mountSharedMemory(room: ContainerRoom, { id, config }: ContainerRecord): Promise<void> {
  if (config.namespaces.ipc.kind !== 'shareable') return;
  const { shm } = containerPaths(room, id);
  await mkdir(shm, { recursive: true, mode: 0o700 });
  mount('shm', shm, 'tmpfs', MS.NOSUID | MS.NODEV | MS.NOEXEC, `mode=1777,size=${config.shmSizeBytes}`);
}

/** Takes it away; those who joined keep it until they end. Idempotent. */
export async function unmountSharedMemory(room: ContainerRoom, id: ContainerId): Promise<void> {
  await unmount(containerPaths(room, id).shm, { detach: true });
}

/** What a container is shown as /dev/shm. Throws conflict, with Docker's text, for an IPC that cannot be joined. */
export function planSharedMemory(room: ContainerRoom, { id, config }: ContainerRecord): readonly OciMount[] {
  const { ipc } = config.namespaces;
  const bind = (source: string): readonly OciMount[] => [
    { destination: '/dev/shm', type: 'bind', source, options: ['rbind', 'rprivate', 'nosuid', 'noexec', 'nodev'] },
  ];
  switch (ipc.kind) {
    case 'none':
      return [];
    case 'host':
      return bind('/dev/shm');
    case 'shareable':
      return bind(containerPaths(room, id).shm);
    case 'container':
      return bind(containerPaths(room, requireShareable(room, ipc.container).id).shm);
    case 'private': {
      const options = ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${config.shmSizeBytes}`];
      return [{ destination: '/dev/shm', type: 'tmpfs', source: 'shm', options }];
    }
    default:
      return ipc satisfies never;
  }
}

function requireShareable(room: ContainerRoom, reference: string): ContainerRecord {
  const other = requireAlive(room, reference, 'IPC namespace');
  const { ipc } = other.config.namespaces;
  if (ipc.kind === 'shareable') return other;
  throw new EngineError(
    'conflict',
    `can't join IPC of container ${other.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}
