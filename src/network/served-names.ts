import type { NamedNetwork } from './dns/name-server.ts';
import type { Network } from './network.ts';
import { endpointsOn } from './records.ts';
import type { NetworkRoom } from './room.ts';

/** Inside containers, names are served on networks that users made. */
export const servesNames = ({ name }: Network): boolean => name !== 'bridge';

/** Tells the name server who is on the network now. */
export function tellNames(room: Pick<NetworkRoom, 'store' | 'names'>, network: Network): void {
  room.names.setEndpoints(network.id, namedNetwork(room, network));
}

function namedNetwork({ store }: Pick<NetworkRoom, 'store'>, network: Network): NamedNetwork {
  // Only a bridge is the host itself.
  const gateways = network.bridgeName === undefined ? [] : network.ipam.map(({ gateway }) => gateway).filter(Boolean);
  return {
    name: network.name,
    internal: network.internal,
    servesNames: servesNames(network),
    endpoints: endpointsOn(store, network).map((endpoint) => ({
      containerId: endpoint.containerId,
      names: endpoint.names.own,
      links: endpoint.names.links,
      ipv4Address: endpoint.ipv4Address,
      ipv6Address: endpoint.ipv6Address,
      gateways,
      gatewayPriority: endpoint.gatewayPriority,
    })),
  };
}
