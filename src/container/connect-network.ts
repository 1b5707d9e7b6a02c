import { EngineError, isEngineError, messageOf } from '#/base/errors.ts';
import type { ConnectRequest, Endpoint } from '#/network/network.ts';
import type { EndpointSettings } from './config.ts';
import { endpointNames } from './endpoint-names.ts';
import { type LinkedContainer, linkedContainers } from './links.ts';
import { portsToPublish } from './published-ports.ts';
import { type ContainerRecord, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

export interface ContainerNetwork {
  /** The namespace to enter; undefined for the host's own. */
  readonly namespacePath: string | undefined;
  /** The container's own interfaces: that of the default gateway first. */
  readonly endpoints: readonly Endpoint[];
  /** Those that it calls by an alias on the default bridge. */
  readonly links: readonly LinkedContainer[];
  /** The container whose network, and network files, this one shares. */
  readonly sharedWith: ContainerRecord | undefined;
}

/** Gives a container that is being started its network namespace, interfaces and published ports, as its config says. */
export async function connectNetwork(room: ContainerRoom, record: ContainerRecord): Promise<ContainerNetwork> {
  const { mode } = record.config.network;
  switch (mode.kind) {
    case 'host':
      return { namespacePath: undefined, endpoints: [], links: [], sharedWith: undefined };
    case 'container': {
      const sharedWith = requireAlive(room, mode.container, 'network namespace');
      return { namespacePath: `/proc/${pidOf(sharedWith)}/ns/net`, endpoints: [], links: [], sharedWith };
    }
    case 'none':
    case 'network':
      return await explained(() => furnishSandbox(room, record));
    default:
      return mode satisfies never;
  }
}

async function furnishSandbox(room: ContainerRoom, record: ContainerRecord): Promise<ContainerNetwork> {
  const { id, config } = record;
  const dnsServers = config.network.dns.length > 0 ? config.network.dns : room.settings.dns.servers;
  const links = linkedContainers(room, record);
  const { path } = await room.networks.openSandbox(id, { dnsServers });
  for (const [network, settings] of Object.entries(config.network.endpoints)) {
    if (network !== 'none') await room.networks.connect(id, connectRequest(room, record, network, settings));
  }
  const endpoints = room.networks.endpointsOf(id);
  if (portsToPublish(config).length > 0) await publish(room, record, endpoints);
  return { namespacePath: path, endpoints, links, sharedWith: undefined };
}

async function publish(
  room: ContainerRoom,
  { id, name, config }: ContainerRecord,
  [gateway]: readonly Endpoint[],
): Promise<void> {
  try {
    await room.networks.publish(id, portsToPublish(config));
  } catch (error) {
    if (!isEngineError(error, 'conflict')) throw error;
    const text = `driver failed programming external connectivity on endpoint ${name} (${gateway?.endpointId}): ${error.message}`;
    throw new EngineError('internal', text, { cause: error });
  }
}

/** Docker says so before each reason why a start cannot have its network. */
async function explained<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const text = `failed to set up container networking: ${messageOf(error)}`;
    throw new EngineError(error.kind, text, { cause: error });
  }
}

/** What the network room is asked for, for one of a container's endpoints. */
export function connectRequest(
  room: Pick<ContainerRoom, 'store'>,
  record: ContainerRecord,
  network: string,
  settings: EndpointSettings,
): ConnectRequest {
  const { macAddress, ipv4Address, ipv6Address, gatewayPriority, driverOptions } = settings;
  return {
    network,
    names: endpointNames(room, record, settings),
    gatewayPriority,
    driverOptions,
    ...(macAddress === undefined ? {} : { macAddress }),
    ...(ipv4Address === undefined ? {} : { ipv4Address }),
    ...(ipv6Address === undefined ? {} : { ipv6Address }),
  };
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
