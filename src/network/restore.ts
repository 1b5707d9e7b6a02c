import { parseContainerId } from '#/base/ids.ts';
import { isNetns } from '#/linux/netns.ts';
import { listSandboxRows } from '#/store/networks.ts';
import { attachNames } from './connect.ts';
import { guardEndpoint } from './furnish.ts';
import { restorePorts } from './published.ts';
import { allEndpoints, type EndpointRecord, networksOf, sandboxOf } from './records.ts';
import type { NetworkRoom } from './room.ts';
import { sandboxPath } from './sandbox.ts';

/** Tells firewall and ports what runs already, before the first rule is installed: so the tables change hands without a gap. */
export async function restoreTraffic(room: NetworkRoom): Promise<void> {
  const networks = new Map(networksOf(room.store).map((network) => [network.id, network]));
  await room.firewall.setNetworks([...networks.values()]);
  for (const endpoint of runningEndpoints(room)) {
    const network = networks.get(endpoint.networkId);
    if (network !== undefined) await guardEndpoint(room, network, endpoint);
  }
  for (const row of listSandboxRows(room.store)) {
    const container = parseContainerId(row.container_id);
    if (isNetns(sandboxPath(room.execRoot, container))) await restorePorts(room, container, sandboxOf(row).ports);
  }
}

/** Names are served again to all that run. One container's trouble is not the others'. */
export async function restoreNames(room: NetworkRoom): Promise<void> {
  const networks = new Map(networksOf(room.store).map((network) => [network.id, network]));
  for (const network of networks.values()) await room.teller.tell(network);
  for (const { networkId, containerId: container } of runningEndpoints(room)) {
    const network = networks.get(networkId);
    if (network === undefined) continue;
    await attachNames(room, container, network).catch((err: unknown) => {
      room.log.warn({ err, container }, 'cannot serve names to the container');
    });
  }
}

const runningEndpoints = ({ store, execRoot }: NetworkRoom): readonly EndpointRecord[] =>
  allEndpoints(store).filter(({ containerId }) => isNetns(sandboxPath(execRoot, containerId)));
