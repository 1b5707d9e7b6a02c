import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, isEngineError, messageOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { bindMount, unmount } from '#/linux/mount.ts';
import { listMounts } from '#/linux/mount-info.ts';
import { openBeneath } from '#/linux/open-in-root.ts';
import { pathOfOpen } from '#/linux/place.ts';
import { ANONYMOUS_LABEL } from '#/volume/volumes.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { volumesOf } from './volume-users.ts';

type VolumeMount = Extract<MountSpec, { kind: 'volume' }>;
type ImageMount = Extract<MountSpec, { kind: 'image' }>;

/** Makes the volumes that a new container refers to and that are not there. Throws with Docker's texts, never not-found. */
export async function createVolumes(room: ContainerRoom, { mounts }: ContainerConfig): Promise<void> {
  for (const mount of mounts) {
    if (mount.kind !== 'volume' || mount.origin === 'volumes-from') continue;
    const { name, driver, driverOptions: options, anonymous } = mount;
    const labels = anonymous ? { ...mount.labels, [ANONYMOUS_LABEL]: '' } : mount.labels;
    try {
      await room.volumes.create({ name, driver, labels, options });
    } catch (error) {
      // Clients take that for a missing image.
      if (!isEngineError(error, 'not-found')) throw error;
      throw new EngineError('invalid-argument', error.message, { cause: error });
    }
  }
}

/** Removes the anonymous volumes of a container that is being removed, except those that others refer to; lists what stayed. */
export async function removeAnonymousVolumes(
  room: ContainerRoom,
  { id, config }: ContainerRecord,
): Promise<readonly string[]> {
  const names = config.mounts.flatMap((mount) => (mount.kind === 'volume' && mount.anonymous ? [mount.name] : []));
  const leftovers: string[] = [];
  for (const name of new Set(names)) {
    try {
      await room.volumes.remove(name, { force: true, besides: id });
    } catch (error) {
      if (isEngineError(error, 'conflict')) continue;
      room.log.warn({ err: error, volume: name }, 'an anonymous volume could not be removed with its container');
      leftovers.push(`volume ${name}`);
    }
  }
  return leftovers;
}

/**
 * Where on the host a volume or image that a container mounts is found: the volume's directory, or, for images and for parts
 * of either, a mount of the container's own that `mountVolumes` made. The place in its list of mounts names it.
 */
export function mountSource(
  room: ContainerRoom,
  { id, config }: ContainerRecord,
  mount: VolumeMount | ImageMount,
): string {
  if (mount.kind === 'volume' && mount.subpath === undefined) return room.volumes.get(mount.name).mountpoint;
  return join(containerPaths(room, id).mounts, String(config.mounts.indexOf(mount)));
}

/** Mounts what a container's volumes and images need before it starts. On failure `unmountVolumes` takes back what was done. */
export async function mountVolumes(room: ContainerRoom, record: ContainerRecord): Promise<void> {
  for (const mount of record.config.mounts) {
    if (mount.kind === 'volume') await mountVolume(room, record, mount);
    if (mount.kind === 'image') await mountImage(room, record, mount);
  }
}

async function mountVolume(room: ContainerRoom, record: ContainerRecord, mount: VolumeMount): Promise<void> {
  const { id } = record;
  const { path } = await holdVolume(room, id, mount.name);
  if (mount.subpath !== undefined) await bindPart(path, mount.subpath, mountSource(room, record, mount));
  publishVolumeEvent(room, mount.name, 'mount', {
    container: id,
    destination: mount.target,
    'read/write': String(!mount.readOnly),
    propagation: '',
  });
}

/** Mounts a volume for a container. Throws with Docker's text. */
export async function holdVolume(
  room: ContainerRoom,
  id: ContainerId,
  name: string,
): Promise<{ readonly path: string }> {
  try {
    return await room.volumes.mount(name, id);
  } catch (error) {
    const { mountpoint } = room.volumes.get(name);
    throw new EngineError('internal', `error while mounting volume '${mountpoint}': ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function mountImage(room: ContainerRoom, record: ContainerRecord, mount: ImageMount): Promise<void> {
  const source = mountSource(room, record, mount);
  const whole = mount.subpath === undefined ? source : `${source}.image`;
  await mkdir(whole, { recursive: true, mode: 0o700 });
  await room.layers.mountLayers(mount.layers, whole);
  if (mount.subpath !== undefined) await bindPart(whole, mount.subpath, source);
}

/**
 * Binds what lies at a path below `base` on `target`. Whoever may write there can swap links while this looks: the kernel
 * resolves the path without leaving `base`, and what it found is bound by its descriptor.
 */
async function bindPart(base: string, subpath: string, target: string): Promise<void> {
  using found = openBeneath(base, subpath);
  if (found.isDirectory) await mkdir(target, { recursive: true, mode: 0o700 });
  else {
    await mkdir(join(target, '..'), { recursive: true, mode: 0o700 });
    await writeFile(target, '', { mode: 0o600 });
  }
  bindMount(pathOfOpen(found.fd), target, { recursive: true });
}

/** Takes down what `mountVolumes` made and lets the volumes go. Idempotent. */
export async function unmountVolumes(room: ContainerRoom, id: ContainerId): Promise<void> {
  const directory = containerPaths(room, id).mounts;
  if (existsSync(directory)) {
    for (const { target } of listMounts(directory).toReversed()) await unmount(target, { detach: true });
    if (listMounts(directory).length === 0) await rm(directory, { recursive: true, force: true });
  }
  for (const name of await room.volumes.release(id)) publishVolumeEvent(room, name, 'unmount', { container: id });
}

/** After the engine's start: tells the volumes of a container that still runs. Trouble with one is logged: it must be watched anyway. */
export async function holdVolumesAgain(room: ContainerRoom, { id, config }: ContainerRecord): Promise<void> {
  for (const name of volumesOf(config)) {
    await room.volumes.mount(name, id).catch((error: unknown) => {
      room.log.warn({ err: error, container: id, volume: name }, 'a volume of a running container could not be held');
    });
  }
}

function publishVolumeEvent(
  room: Pick<ContainerRoom, 'events'>,
  name: string,
  action: 'mount' | 'unmount',
  attributes: Readonly<Record<string, string>>,
): void {
  room.events.publish({ type: 'volume', action, id: name, attributes: { driver: 'local', ...attributes } });
}
