import { closeSync } from 'node:fs';
import { errnoOf } from '#/base/errors.ts';
import { createVeth, deleteLink, raiseBridgePort, setLinkMaster } from '#/linux/link.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex, insideNetns, openNamespace } from '#/linux/netns.ts';
import { applyBandwidth, removeBandwidth } from './bandwidth.ts';
import { ensureBridge, missingBridge, removeBridge } from './bridge-device.ts';
import { checkBridgeOptions, mtuOf } from './bridge-options.ts';
import { configureInterface } from './configure-interface.ts';
import type { NetworkDriver } from './driver.ts';
import { hostInterfaceName } from './host-interface.ts';
import type { Network } from './network.ts';
import type { EndpointRecord } from './records.ts';

/** Networks that are a bridge of the host: each endpoint is a pair of interfaces, one end a port of the bridge. */
export const bridgeDriver: NetworkDriver = {
  check: checkBridgeOptions,
  ensure: ensureBridge,
  remove: async (network) => void (await removeBridge(network)),
  furnish,
  async unfurnish(_network, endpoint) {
    using netlink = openNetlink();
    const name = hostInterfaceName(endpoint);
    await netlink.batch([deleteLink(name)]);
    await removeBandwidth(name, endpoint.driverOptions);
  },
};

async function furnish(network: Network, endpoint: EndpointRecord, path: string): Promise<void> {
  if (insideNetns(path, () => findLinkIndex(endpoint.interfaceName)) === undefined) {
    await makePair(network, endpoint, path);
  } else {
    await reattach(network, endpoint);
  }
  await applyBandwidth(hostInterfaceName(endpoint), endpoint.driverOptions);
  await configureInterface(endpoint, path);
}

async function makePair(network: Network, endpoint: EndpointRecord, path: string): Promise<void> {
  const { bridgeName = '' } = network;
  const name = hostInterfaceName(endpoint);
  const masterIndex = findLinkIndex(bridgeName);
  if (masterIndex === undefined) throw missingBridge(bridgeName);
  using netlink = openNetlink();
  const netnsFd = openNamespace(path);
  try {
    const peer = { netnsFd, name: endpoint.interfaceName, macAddress: endpoint.macAddress };
    const requests = [createVeth({ name, masterIndex, mtu: mtuOf(network), peer }), raiseBridgePort(name)];
    try {
      await netlink.batch(requests);
    } catch (error) {
      if (errnoOf(error) === 'ENODEV') throw missingBridge(bridgeName, error);
      if (errnoOf(error) !== 'EEXIST') throw error;
      // The container was stopped a moment ago and the kernel has not yet taken down what it had.
      await netlink.batch([deleteLink(name)]);
      await netlink.batch(requests);
    }
  } finally {
    closeSync(netnsFd);
  }
}

/** Puts a host end that lost its bridge back on it. */
async function reattach({ bridgeName = '' }: Network, endpoint: EndpointRecord): Promise<void> {
  const name = hostInterfaceName(endpoint);
  const masterIndex = findLinkIndex(bridgeName);
  if (masterIndex === undefined) throw missingBridge(bridgeName);
  using netlink = openNetlink();
  await netlink.batch([setLinkMaster(name, masterIndex), raiseBridgePort(name)]);
}
