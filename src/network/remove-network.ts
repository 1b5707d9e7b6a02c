import { EngineError } from '#/base/errors.ts';
import { deleteNetwork } from '#/store/networks.ts';
import { isPredefinedNetwork } from './predefined.ts';
import { driverOf } from './readiness.ts';
import { endpointsOn, getNetwork, type NetworkRecord, networksOf } from './records.ts';
import { type NetworkRoom, networkEvent } from './room.ts';

/** Row last: whoever is killed before leaves a network that is still known, and can be removed again. */
export function removeNetwork(room: NetworkRoom, reference: string): Promise<void> {
  return room.changes.run(async () => {
    const network = getNetwork(networksOf(room.store), reference);
    checkRemovable(room, network);
    room.leaving.add(network.id);
    try {
      await driverOf(room.drivers, network).remove(network);
      deleteNetwork(room.store, network.id);
    } finally {
      room.leaving.delete(network.id);
      room.readiness.forget(network.id);
    }
    room.teller.forget(network);
    await room.firewall.setNetworks(networksOf(room.store));
    room.events.publish(networkEvent('destroy', network));
  });
}

function checkRemovable({ store }: NetworkRoom, network: NetworkRecord): void {
  if (isPredefinedNetwork(network.name)) {
    throw new EngineError('permission-denied', `${network.name} is a pre-defined network and cannot be removed`);
  }
  const active = endpointsOn(store, network).map(
    ({ names: { own }, endpointId }) => `name:"${own[0]}" id:"${endpointId.slice(0, 12)}"`,
  );
  if (active.length === 0) return;
  throw new EngineError(
    'permission-denied',
    `error while removing network: network ${network.name} has active endpoints (${active.join(', ')})`,
  );
}
