import { isNetns } from '#/linux/netns.ts';
import { sweepBandwidth } from './bandwidth.ts';
import { furnishEndpoint } from './furnish.ts';
import type { Network } from './network.ts';
import { type EndpointRecord, endpointsOf, endpointsOn, networksOf } from './records.ts';
import type { NetworkRoom } from './room.ts';
import { sandboxPath } from './sandbox.ts';

/** Puts back what a stranger took of any network. All are tried; the first failure is thrown. */
export async function repairNetworks(room: NetworkRoom): Promise<void> {
  room.readiness.forget();
  const failures: unknown[] = [];
  for (const network of networksOf(room.store).filter(({ driver }) => room.drivers[driver] !== undefined)) {
    await repairNetwork(room, network).catch((error: unknown) => failures.push(error));
  }
  await sweepBandwidth().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** What the network needs on the host, and the interfaces of those that run on it. */
export function repairNetwork(room: NetworkRoom, network: Network): Promise<void> {
  // One after another: who asked goes on when all is there, not when somebody else is about to put it there.
  return room.repairs.run(network.id, async () => {
    room.readiness.forget(network.id);
    await room.readiness.prepare(network);
    for (const endpoint of endpointsOn(room.store, network)) await refurnish(room, network, endpoint);
  });
}

/** One container's trouble is not the others'. Whoever is busy with the container right now furnishes it too. */
async function refurnish(room: NetworkRoom, network: Network, endpoint: EndpointRecord): Promise<void> {
  const { containerId: container, endpointId } = endpoint;
  const isThere = endpointsOf(room.store, container).some((other) => other.endpointId === endpointId);
  if (!isThere || room.containers.isLocked(container) || !isNetns(sandboxPath(room.execRoot, container))) return;
  try {
    await room.containers.run(container, () => furnishEndpoint(room, network, endpoint));
  } catch (err) {
    room.log.warn({ err, container, network: network.name }, 'cannot put back the network interface');
  }
}
