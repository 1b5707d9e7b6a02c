import { addAddress, removeAddress } from '#/linux/address.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex, insideNetns } from '#/linux/netns.ts';
import { moveDefaultRoutes } from './default-routes.ts';
import type { Lease } from './dhcp/lease.ts';
import { gatewaysOf } from './gateway.ts';
import type { Network } from './network.ts';
import { type EndpointRecord, endpointsOf } from './records.ts';
import type { NetworkRoom } from './room.ts';

/** Addresses that a network's own server lends to its endpoints: `--ipam-driver dhcp`. */
export const lendsAddresses = ({ ipamDriver }: Network): boolean => ipamDriver === 'dhcp';

/** Has the endpoint, whose interface is up, an address lent, in its row too, and keeps it so. Default routes are not touched yet. */
export async function borrowAddress(
  room: NetworkRoom,
  network: Network,
  endpoint: EndpointRecord,
  path: string,
): Promise<void> {
  const { endpointId, containerId, interfaceName, macAddress } = endpoint;
  const lease = await room.leases.acquire(endpointId, {
    path,
    interfaceName,
    macAddress,
    clientId: `gantry-${containerId.slice(0, 12)}`,
    known: endpoint.ipv4Address,
    networkName: network.name,
    onLease: (next) => room.containers.run(containerId, () => changeAddress(room, network, endpoint, path, next)),
  });
  if (lease !== undefined) await useAddress(room, network, endpoint, path, lease);
}

/** While the container runs. */
async function changeAddress(
  room: NetworkRoom,
  network: Network,
  { containerId, endpointId }: EndpointRecord,
  path: string,
  lease: Lease | undefined,
): Promise<void> {
  const before = endpointsOf(room.store, containerId);
  const endpoint = before.find((other) => other.endpointId === endpointId);
  // It has left the network meanwhile, or nothing changes.
  if (endpoint === undefined || endpoint.ipv4Address === (lease?.address ?? '')) return;
  await useAddress(room, network, endpoint, path, lease);
  await moveDefaultRoutes(path, gatewaysOf(before), gatewaysOf(endpointsOf(room.store, containerId)));
  await room.teller.tell(network);
}

async function useAddress(
  room: NetworkRoom,
  { internal }: Network,
  endpoint: EndpointRecord,
  path: string,
  lease: Lease | undefined,
): Promise<void> {
  room.claims.lend(endpoint, lease && { ...lease, gateway: internal ? '' : lease.gateway });
  const inner = insideNetns(path, () => ({ index: findLinkIndex(endpoint.interfaceName), netlink: openNetlink() }));
  using netlink = inner.netlink;
  const { index } = inner;
  if (index === undefined) return;
  const { ipv4Address, ipv4PrefixLength } = endpoint;
  const requests = [
    ...(ipv4Address === '' ? [] : [removeAddress(index, ipv4Address, ipv4PrefixLength)]),
    ...(lease === undefined ? [] : [addAddress(index, lease.address, lease.prefixLength)]),
  ];
  if (requests.length > 0) await netlink.batch(requests);
}
