import { settleAll } from '#/base/settle-all.ts';
import { isNetns } from '#/linux/netns.ts';
import { moveDefaultRoutes } from './default-routes.ts';
import { applyEndpointSysctls } from './endpoint-sysctls.ts';
import { gatewaysOf } from './gateway.ts';
import { hostInterfaceName } from './host-interface.ts';
import { borrowAddress, lendsAddresses } from './lent-address.ts';
import type { Network } from './network.ts';
import { driverOf } from './readiness.ts';
import { type EndpointRecord, endpointsOf } from './records.ts';
import type { NetworkRoom } from './room.ts';
import { sandboxPath } from './sandbox.ts';

/**
 * Makes the endpoint's interface as its row says, guarded, and moves the container's default routes where they belong now.
 * Whatever is there already stays.
 */
export async function furnishEndpoint(room: NetworkRoom, network: Network, endpoint: EndpointRecord): Promise<void> {
  const path = sandboxPath(room.execRoot, endpoint.containerId);
  const furnish = () => room.lanes.run(() => driverOf(room.drivers, network).furnish(network, endpoint, path));
  await settleAll([guardEndpoint(room, network, endpoint), furnish()]);
  applyEndpointSysctls(endpoint, path);
  if (lendsAddresses(network)) await borrowAddress(room, network, endpoint, path);
  const present = endpointsOf(room.store, endpoint.containerId);
  const before = present.filter(({ endpointId }) => endpointId !== endpoint.endpointId);
  await moveDefaultRoutes(path, gatewaysOf(before), gatewaysOf(present));
}

/** Takes the endpoint's interface away and moves the default routes to what remains; absence is success. */
export async function unfurnishEndpoint(room: NetworkRoom, network: Network, endpoint: EndpointRecord): Promise<void> {
  const path = sandboxPath(room.execRoot, endpoint.containerId);
  const isThere = isNetns(path);
  await room.leases.release(endpoint.endpointId);
  const driver = driverOf(room.drivers, network);
  if (isThere) await room.lanes.run(() => driver.unfurnish(network, endpoint, path));
  await room.firewall.unguard(hostInterfaceName(endpoint));
  if (!isThere) return;
  const present = endpointsOf(room.store, endpoint.containerId);
  const rest = present.filter(({ endpointId }) => endpointId !== endpoint.endpointId);
  await moveDefaultRoutes(path, gatewaysOf(present), gatewaysOf(rest));
}

/** What the container sends there is of its own addresses. Only bridges have a host end to look at. */
export async function guardEndpoint(
  { firewall }: Pick<NetworkRoom, 'firewall'>,
  network: Network,
  endpoint: EndpointRecord,
): Promise<void> {
  if (network.bridgeName === undefined) return;
  await firewall.guard(network, {
    interfaceName: hostInterfaceName(endpoint),
    macAddress: endpoint.macAddress,
    ipv4Address: endpoint.ipv4Address,
    ipv6Address: endpoint.ipv6Address,
  });
}
