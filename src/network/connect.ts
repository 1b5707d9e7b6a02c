import { EngineError, errnoOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { settleAll } from '#/base/settle-all.ts';
import { withUndo } from '#/base/undo.ts';
import { checkBandwidth } from './bandwidth.ts';
import { parseEndpointSysctls } from './endpoint-sysctls.ts';
import { furnishEndpoint, unfurnishEndpoint } from './furnish.ts';
import { gatewaysOf } from './gateway.ts';
import type { ConnectRequest, Endpoint, Network } from './network.ts';
import { leadPorts } from './published.ts';
import { driverOf } from './readiness.ts';
import {
  type EndpointRecord,
  endpointsOf,
  findSandboxRecord,
  getNetwork,
  type NetworkRecord,
  networksOf,
} from './records.ts';
import { repairNetwork } from './repair.ts';
import { type NetworkRoom, networkEvent } from './room.ts';
import { sandboxPath } from './sandbox.ts';
import { servesNames } from './served-names.ts';

/** Puts the container on a network, also while it runs. Connecting again repairs what is there. */
export async function connectSandbox(
  room: NetworkRoom,
  container: ContainerId,
  request: ConnectRequest,
): Promise<Endpoint> {
  const network = getNetwork(networksOf(room.store), request.network);
  driverOf(room.drivers, network);
  parseEndpointSysctls(request.driverOptions);
  checkBandwidth(network, request.driverOptions ?? {});
  await room.readiness.prepare(network);
  const present = endpointsOf(room.store, container);
  const connected = present.find(({ networkId }) => networkId === network.id);
  if (connected !== undefined) {
    await furnishOnBridge(room, network, connected);
    return connected;
  }
  const endpoint = await withUndo(room.log, async (undo) => {
    const claimed = claim(room, container, network, request);
    undo.add(`endpoint of ${container}`, () => room.claims.release([claimed]));
    undo.add(`interface of ${container}`, () => unfurnishEndpoint(room, network, claimed));
    await settleAll([furnishOnBridge(room, network, claimed), attachNames(room, container, network)]);
    await leadPortsIfMoved(room, container, present);
    // Its address may have been lent since.
    return endpointsOf(room.store, container).find(({ endpointId }) => endpointId === claimed.endpointId) ?? claimed;
  });
  await room.teller.tell(network);
  room.events.publish(networkEvent('connect', network, container));
  return endpoint;
}

async function furnishOnBridge(room: NetworkRoom, network: Network, endpoint: EndpointRecord): Promise<void> {
  try {
    await furnishEndpoint(room, network, endpoint);
  } catch (error) {
    if (errnoOf(error) !== 'ENODEV') throw error;
    // A stranger removed the bridge.
    await repairNetwork(room, network);
    await furnishEndpoint(room, network, endpoint);
  }
}

/** In one synchronous stretch with the look at who leaves. */
function claim(
  room: NetworkRoom,
  container: ContainerId,
  network: NetworkRecord,
  request: ConnectRequest,
): EndpointRecord {
  if (room.leaving.has(network.id)) throw new EngineError('not-found', `network ${request.network} not found`);
  return room.claims.claim(container, network, request);
}

/** On the default bridge a container looks names up elsewhere, and its start need not wait for a resolver. */
export async function attachNames(room: NetworkRoom, container: ContainerId, network: Network): Promise<void> {
  if (!servesNames(network)) return;
  const dnsServers = findSandboxRecord(room.store, container)?.settings.dnsServers ?? [];
  await room.names.attach(container, sandboxPath(room.execRoot, container), { upstreams: dnsServers });
}

/** Takes the container off a network while it lives on. Throws not-found where it is not on it. */
export async function disconnectSandbox(room: NetworkRoom, container: ContainerId, reference: string): Promise<void> {
  const network = getNetwork(networksOf(room.store), reference);
  const present = endpointsOf(room.store, container);
  const endpoint = present.find(({ networkId }) => networkId === network.id);
  if (endpoint === undefined) {
    throw new EngineError('not-found', `container ${container} is not connected to network ${network.name}`);
  }
  await unfurnishEndpoint(room, network, endpoint);
  room.claims.release([endpoint]);
  await room.teller.tell(network);
  await leadPortsIfMoved(room, container, present);
  room.events.publish(networkEvent('disconnect', network, container));
}

async function leadPortsIfMoved(
  room: NetworkRoom,
  container: ContainerId,
  before: readonly EndpointRecord[],
): Promise<void> {
  const now = endpointsOf(room.store, container);
  const idOf = (endpoints: readonly EndpointRecord[]) => {
    const { ipv4, ipv6 } = gatewaysOf(endpoints);
    return (ipv4 ?? ipv6)?.endpointId;
  };
  if (idOf(before) !== idOf(now)) await leadPorts(room, container, now);
}
