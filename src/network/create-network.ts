import { withUndo } from '#/base/undo.ts';
import { deleteNetwork, insertNetwork } from '#/store/networks.ts';
import { checkBridgeNames } from './bridge-options.ts';
import { hostBlocks } from './host-blocks.ts';
import type { CreatedNetwork, NetworkSpec } from './network.ts';
import { planNetwork } from './plan-network.ts';
import { driverOf } from './readiness.ts';
import { networksOf, rowOfNetwork } from './records.ts';
import { type NetworkRoom, networkEvent } from './room.ts';

/** Row first: whoever is killed after it leaves a network that its successor makes ready, and that can be removed. */
export function createNetwork(room: NetworkRoom, spec: NetworkSpec): Promise<CreatedNetwork> {
  return room.changes.run(async () => {
    const present = networksOf(room.store);
    const network = planNetwork({ spec, present, nowMs: room.clock.now(), hostBlocks, pools: room.pools });
    checkBridgeNames(network, present);
    driverOf(room.drivers, network).check(network);
    await withUndo(room.log, async (undo) => {
      insertNetwork(room.store, rowOfNetwork(network));
      undo.add(`row of network ${network.name}`, () => void deleteNetwork(room.store, network.id));
      undo.add(`network ${network.name}`, () => driverOf(room.drivers, network).remove(network));
      // Before there is an interface that anybody could send to.
      await room.firewall.setNetworks(networksOf(room.store));
      undo.add(`rules of network ${network.name}`, () => room.firewall.setNetworks(present));
      await room.readiness.prepare(network);
    });
    room.names.warmUp();
    room.events.publish(networkEvent('create', network));
    return { network, warnings: [] };
  });
}
