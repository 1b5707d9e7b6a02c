import { stat } from 'node:fs/promises';
import { EngineError, isEngineError } from '#/base/errors.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import { getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';

/**
 * Throws invalid-argument where the config names containers, networks or host paths that are not there, with Docker's texts.
 * Never not-found: clients take that for a missing image and pull.
 */
export async function checkReferences(room: ContainerRoom, config: ContainerConfig): Promise<void> {
  if (config.runtime !== undefined && config.runtime !== room.runtime.info.name) {
    throw new EngineError(
      'invalid-argument',
      `unknown or invalid runtime name: ${config.runtime} (this engine runs ${room.runtime.info.name})`,
    );
  }
  try {
    checkNames(room, config);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
    throw new EngineError('invalid-argument', error.message, { cause: error });
  }
  for (const mount of config.mounts) await checkBindSource(mount);
}

function checkNames(room: ContainerRoom, config: ContainerConfig): void {
  const { mode } = config.network;
  if (mode.kind === 'network') room.networks.get(mode.name);
  if (mode.kind === 'container') getContainer(room, mode.container);
  for (const namespace of [config.namespaces.pid, config.namespaces.ipc]) {
    if (namespace.kind === 'container') getContainer(room, namespace.container);
  }
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
