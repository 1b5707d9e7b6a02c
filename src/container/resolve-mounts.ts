import { posix } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import { newVolumeName } from '#/volume/volume-names.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import { getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';

/**
 * All mounts of a container to be: what it takes over from others, what it asks for, and an anonymous volume for each
 * declared path that nothing else covers. Images are resolved and anonymous volumes have names; nothing is made yet.
 * Throws not-found for containers and images that are not there, with Docker's texts.
 */
export function resolveMounts(
  room: Pick<ContainerRoom, 'store' | 'images'>,
  config: ContainerConfig,
): readonly MountSpec[] {
  const byTarget = new Map<string, MountSpec>();
  for (const text of config.volumesFrom) {
    for (const mount of takeOver(room, text)) byTarget.set(normalTarget(mount.target), mount);
  }
  for (const mount of config.mounts) byTarget.set(normalTarget(mount.target), resolveOne(room, mount));
  for (const path of config.volumes) {
    const target = normalTarget(path);
    if (!byTarget.has(target)) byTarget.set(target, declaredVolume(target, config.volumeDriver));
  }
  return [...byTarget.values()];
}

/** `/a/../b/` → `/b`. */
export const normalTarget = (path: string): string => posix.normalize(`/${path}/`).replace(/(.)\/$/, '$1');

/** `CONTAINER[:MODE]`; checked at the door. */
function takeOver(room: Pick<ContainerRoom, 'store'>, text: string): readonly MountSpec[] {
  const [container = '', mode = ''] = text.split(':');
  const readOnly = mode.split(',').includes('ro');
  const { mounts } = getContainer(room, container).config;
  return mounts
    .filter((mount) => mount.kind !== 'tmpfs' || mount.writtenOptions === undefined)
    .map((mount) => takenOver(mount, readOnly));
}

function takenOver(mount: MountSpec, readOnly: boolean): MountSpec {
  switch (mount.kind) {
    case 'volume':
      return { ...mount, origin: 'volumes-from', copyUp: false, readOnly: mount.readOnly || readOnly };
    case 'bind':
      return { ...mount, origin: 'volumes-from', readOnly: mount.readOnly || readOnly };
    case 'tmpfs':
      return { ...mount, origin: 'volumes-from', options: readOnly ? [...mount.options, 'ro'] : mount.options };
    case 'image':
      return { ...mount, origin: 'volumes-from' };
    default:
      return mount satisfies never;
  }
}

function resolveOne(room: Pick<ContainerRoom, 'images'>, mount: MountSpec): MountSpec {
  if (mount.kind === 'image') {
    const { imageId, layers } = room.images.resolveForRun(mount.reference);
    return { ...mount, imageId, layers };
  }
  return mount.kind === 'volume' && mount.name === '' ? { ...mount, name: newVolumeName() } : mount;
}

function declaredVolume(target: string, driver: string): MountSpec {
  if (target === '/') {
    throw new EngineError('invalid-argument', "invalid mount config: invalid specification: destination can't be '/'");
  }
  return {
    kind: 'volume',
    origin: 'declared',
    name: newVolumeName(),
    target,
    readOnly: false,
    copyUp: true,
    subpath: undefined,
    driver,
    driverOptions: {},
    labels: {},
    anonymous: true,
    writtenMode: undefined,
  };
}
