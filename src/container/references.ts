import { stat } from 'node:fs/promises';
import { EngineError, isEngineError } from '#/base/errors.ts';
import type { Network } from '#/network/network.ts';
import { checkEndpoint } from './check-endpoint.ts';
import type { ContainerConfig, MountSpec, NetworkSettings } from './config.ts';
import { getContainer } from './record.ts';
import { resolveMounts } from './resolve-mounts.ts';
import type { ContainerRoom } from './room.ts';

/**
 * The same config with containers named by id, since names change, and networks by name, since ids do. Throws
 * invalid-argument where it names containers or host paths that are not there, with Docker's texts; never not-found: clients
 * take that for a missing image. Networks are looked for at start only, as in Docker.
 */
export async function resolveReferences(room: ContainerRoom, config: ContainerConfig): Promise<ContainerConfig> {
  if (config.runtime !== undefined && config.runtime !== room.runtime.info.name) {
    throw new EngineError(
      'invalid-argument',
      `unknown or invalid runtime name: ${config.runtime} (this engine runs ${room.runtime.info.name})`,
    );
  }
  for (const mount of config.mounts) await checkBindSource(mount);
  try {
    return resolveNames(room, config);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
    throw new EngineError('invalid-argument', error.message, { cause: error });
  }
}

function resolveNames(room: ContainerRoom, config: ContainerConfig): ContainerConfig {
  const { namespaces, network } = config;
  const endpoints = nameNetworks(room, network.endpoints);
  return {
    ...config,
    mounts: resolveMounts(room, config),
    network: { ...network, mode: byId(room, network.mode), endpoints },
    namespaces: { ...namespaces, pid: byId(room, namespaces.pid), ipc: byId(room, namespaces.ipc) },
  };
}

/** What can be known of the endpoints before the start is checked now. */
function nameNetworks(room: ContainerRoom, endpoints: NetworkSettings['endpoints']): NetworkSettings['endpoints'] {
  return Object.fromEntries(
    Object.entries(endpoints).map(([reference, settings]) => {
      const network = findNetwork(room, reference);
      const name = network?.name ?? reference;
      checkEndpoint(name, settings, network);
      return [name, settings];
    }),
  );
}

function findNetwork(room: ContainerRoom, reference: string): Network | undefined {
  try {
    return room.networks.get(reference);
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

type Joined = { readonly kind: 'container'; readonly container: string };

function byId<T extends { readonly kind: string }>(room: ContainerRoom, mode: T | Joined): T | Joined {
  return isJoined(mode) ? { kind: 'container', container: getContainer(room, mode.container).id } : mode;
}

const isJoined = (mode: { readonly kind: string }): mode is Joined => mode.kind === 'container';

async function checkBindSource(mount: MountSpec): Promise<void> {
  if (mount.kind !== 'bind' || mount.createSource) return;
  const found = await stat(mount.source).catch(() => undefined);
  if (found !== undefined) return;
  throw new EngineError(
    'invalid-argument',
    `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
  );
}
