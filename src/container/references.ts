import { stat } from 'node:fs/promises';
import { EngineError } from '#/base/errors.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import { getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';

/** Throws where the config names containers, networks or host paths that are not there, with Docker's texts. */
export async function checkReferences(room: ContainerRoom, config: ContainerConfig): Promise<void> {
  const { mode } = config.network;
  if (mode.kind === 'network') room.networks.get(mode.name);
  if (mode.kind === 'container') getContainer(room, mode.container);
  for (const namespace of [config.namespaces.pid, config.namespaces.ipc]) {
    if (namespace.kind === 'container') getContainer(room, namespace.container);
  }
  for (const mount of config.mounts) await checkBindSource(mount);
}

async function checkBindSource(mount: MountSpec): Promise<void> {
  if (mount.kind !== 'bind' || mount.createSource) return;
  const found = await stat(mount.source).catch(() => undefined);
  if (found !== undefined) return;
  throw new EngineError(
    'invalid-argument',
    `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
  );
}
