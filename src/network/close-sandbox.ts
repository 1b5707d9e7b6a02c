import type { ContainerId } from '#/base/ids.ts';
import { settleAll } from '#/base/settle-all.ts';
import { deleteSandbox } from '#/store/networks.ts';
import { removeBandwidth } from './bandwidth.ts';
import { hostInterfaceName } from './host-interface.ts';
import { endpointsOf, networksOf } from './records.ts';
import { type NetworkRoom, networkEvent } from './room.ts';
import { dropSandbox, sandboxPath } from './sandbox.ts';

/** Ports and names back, then the namespace with every link in it, then the rows: what is killed in between is still known. */
export async function closeSandbox(room: NetworkRoom, container: ContainerId): Promise<void> {
  const endpoints = endpointsOf(room.store, container);
  const leases = endpoints.map(({ endpointId }) => room.leases.release(endpointId));
  await settleAll([room.ports.release(container), room.names.detach(container), ...leases]);
  await room.drops.run(() => dropSandbox(sandboxPath(room.execRoot, container)));
  await settleAll(
    endpoints.flatMap((endpoint) => {
      const name = hostInterfaceName(endpoint);
      return [room.firewall.unguard(name), removeBandwidth(name, endpoint.driverOptions)];
    }),
  );
  room.claims.release(endpoints, () => void deleteSandbox(room.store, container));
  const networks = new Map(networksOf(room.store).map((network) => [network.id, network]));
  for (const { networkId } of endpoints) {
    const network = networks.get(networkId);
    if (network === undefined) continue;
    room.events.publish(networkEvent('disconnect', network, container));
    await room.teller.tell(network);
  }
}
