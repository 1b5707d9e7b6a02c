import { EngineError } from '#/base/errors.ts';
import type { Endpoint } from '#/network/network.ts';
import { type ContainerRecord, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

export interface ContainerNetwork {
  /** The namespace to enter; undefined for the host's own. */
  readonly namespacePath: string | undefined;
  /** The container's own interface, where it has one. */
  readonly endpoint: Endpoint | undefined;
  /** The container whose network, and network files, this one shares. */
  readonly sharedWith: ContainerRecord | undefined;
}

/** Gives a container that is being started its network namespace and interface, as its config says. */
export async function connectNetwork(room: ContainerRoom, { id, config }: ContainerRecord): Promise<ContainerNetwork> {
  const { mode, macAddress, ipv4Address } = config.network;
  switch (mode.kind) {
    case 'host':
      return { namespacePath: undefined, endpoint: undefined, sharedWith: undefined };
    case 'container': {
      const sharedWith = requireAlive(room, mode.container, 'network namespace');
      return { namespacePath: `/proc/${pidOf(sharedWith)}/ns/net`, endpoint: undefined, sharedWith };
    }
    case 'none': {
      const { path } = await room.networks.openSandbox(id);
      return { namespacePath: path, endpoint: undefined, sharedWith: undefined };
    }
    case 'network': {
      const { path } = await room.networks.openSandbox(id);
      const endpoint = await room.networks.connect(id, {
        network: mode.name,
        ...(macAddress === undefined ? {} : { macAddress }),
        ...(ipv4Address === undefined ? {} : { ipv4Address }),
      });
      return { namespacePath: path, endpoint, sharedWith: undefined };
    }
    default:
      return mode satisfies never;
  }
}

/** The container that another one joins. Throws conflict, with Docker's text, where it has no process. */
export function requireAlive(room: Pick<ContainerRoom, 'store'>, reference: string, what: string): ContainerRecord {
  const record = getContainer(room, reference);
  if (!isAlive(record.state)) {
    throw new EngineError(
      'conflict',
      `cannot join ${what} of a non running container: container ${record.name} is ${record.state.status}`,
    );
  }
  return record;
}

/** Host pid of a container that is alive; 0 for one that is not. */
export const pidOf = (record: ContainerRecord): number => (isAlive(record.state) ? record.state.pid : 0);
