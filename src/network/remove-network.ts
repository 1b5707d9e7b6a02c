import { EngineError } from '#/base/errors.ts';
import { deleteNetwork } from '#/store/networks.ts';
import { driverOf } from './readiness.ts';
import { endpointsOn, getNetwork, type NetworkRecord, networksOf } from './records.ts';
import { type NetworkRoom, networkEvent } from './room.ts';

const PREDEFINED: readonly string[] = ['bridge', 'host', 'none'];

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
  if (PREDEFINED.includes(network.name)) {
    throw new EngineError('permission-denied', `${network.name} is a pre-defined network and cannot be removed`);
  }
  if (endpointsOn(store, network).length > 0) {
    throw new EngineError(
      'permission-denied',
      `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
    );
  }
}
