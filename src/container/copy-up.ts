import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import { copyTree } from '#/linux/copy-tree.ts';
import type { MountSpec } from './config.ts';
import { resolveInRoot } from './mount-points.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { holdVolume } from './volume-mounts.ts';

type VolumeMount = Extract<MountSpec, { kind: 'volume' }>;

/**
 * Copies what the image has at the target of each empty volume of a new container into it, as Docker does at create: so that
 * `--volumes-from` a container that never ran finds the data. The volume is held, and the root mounted, meanwhile.
 */
export async function copyUpVolumes(room: ContainerRoom, record: ContainerRecord): Promise<void> {
  const { id, config } = record;
  const wanted = config.mounts.filter((mount): mount is VolumeMount => mount.kind === 'volume' && mount.copyUp);
  if (wanted.length === 0) return;
  try {
    for (const mount of wanted) {
      const { path } = await holdVolume(room, id, mount.name);
      if ((await readdir(path)).length > 0) continue;
      // Read-only: an overlay without a place to write costs no sync when it goes. Mounted once, for the first that wants it.
      const root = await room.layers.mountRoot(id, config.image.layers, { readOnly: true });
      await copyUp(root.path, mount.target, path);
    }
  } finally {
    await room.layers.unmountRoot(id);
    await room.volumes.release(id);
  }
}

/** The container does not run: what its root shows changes for nobody, so that its paths can be trusted once resolved. */
async function copyUp(rootPath: string, target: string, volumePath: string): Promise<void> {
  const source = join(rootPath, resolveInRoot(rootPath, target));
  const stats = await lstat(source).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isDirectory()) {
    throw new EngineError('invalid-argument', `cannot mount volume over existing file, file exists ${source}`);
  }
  await copyTree({ source, destination: volumePath });
}
