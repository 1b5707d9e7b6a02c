import { closeSync } from 'node:fs';
import { EngineError, errnoOf } from '#/base/errors.ts';
import { type Ipv4Block, parseIpv4, parseIpv4Block } from '#/base/ipv4.ts';
import { addAddress, listAddresses } from '#/linux/address.ts';
import {
  createBridge,
  createVeth,
  deleteLink,
  type Link,
  listLinks,
  raiseBridgePort,
  raiseLink,
  setLinkMaster,
  setLinkMtu,
} from '#/linux/link.ts';
import { type NetlinkSocket, openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex, insideNetns, openNamespace } from '#/linux/netns.ts';
import { addDefaultRoute, listRoutes } from '#/linux/route.ts';
import { ensureSysctl } from '#/linux/sysctl.ts';
import { macOfAddress } from './ipam.ts';
import type { EndpointRecord } from './records.ts';

export interface Bridge {
  readonly name: string;
  readonly mtu: number;
  readonly gateways: readonly { readonly address: number; readonly prefixLength: number }[];
}

/** The host's end of an interface: whoever knows the container's id finds it. At most 15 characters, up to eth35. */
export const hostInterfaceName = (containerId: string, position: number): string =>
  `gv${containerId.slice(0, 11)}${position === 0 ? '' : `.${position.toString(36)}`}`;

/** What the host itself uses or reaches, apart from `bridgeName`, which is ours. */
export function hostBlocks(bridgeName: string): readonly Ipv4Block[] {
  using netlink = openNetlink();
  const own = findLinkIndex(bridgeName);
  const addresses = listAddresses(netlink).map((entry) => ({ ...entry, base: entry.address }));
  const routes = listRoutes(netlink).map((entry) => ({ ...entry, base: entry.destination }));
  return [...addresses, ...routes]
    .filter(({ linkIndex }) => linkIndex === undefined || linkIndex !== own)
    .map(({ base, prefixLength }) => ({ base: base - (base % 2 ** (32 - prefixLength)), prefixLength }));
}

/** The bridge is there, up, with its gateway's addresses and MTU. Throws conflict where the name is another device's. */
export async function ensureBridge({ name, mtu, gateways }: Bridge): Promise<void> {
  using netlink = openNetlink();
  let link = listLinks(netlink).find((other) => other.name === name);
  if (link !== undefined && link.kind !== 'bridge') {
    throw new EngineError('conflict', `cannot use ${name} as a bridge: it is an interface of another kind`);
  }
  if (link === undefined) {
    // A fixed address: one that the bridge chooses changes with its ports, and containers would lose their gateway.
    await netlink.batch([createBridge(name, macOfAddress(gateways[0]?.address ?? 0))]);
    link = listLinks(netlink).find((other) => other.name === name);
  }
  if (link === undefined) throw new EngineError('unavailable', `the bridge ${name} vanished while it was made`);
  ensureSysctl(`net/ipv6/conf/${name}/disable_ipv6`, '1');
  const { index } = link;
  await netlink.batch([
    ...(link.mtu === mtu ? [] : [setLinkMtu(index, mtu)]),
    ...gateways.map(({ address, prefixLength }) => addAddress(index, address, prefixLength)),
    ...(link.up ? [] : [raiseLink(index)]),
  ]);
}

/** Makes the endpoint's pair of interfaces between the bridge and the namespace at `path`, and sets up its inner end. */
export async function furnishEndpoint(bridge: Bridge, endpoint: EndpointRecord, path: string): Promise<void> {
  if (insideNetns(path, () => findLinkIndex(endpoint.interfaceName)) === undefined) {
    await makePair(bridge, endpoint, path);
  }
  const inner = insideNetns(path, () => ({ index: findLinkIndex(endpoint.interfaceName), netlink: openNetlink() }));
  using netlink = inner.netlink;
  if (inner.index === undefined)
    throw new EngineError('unavailable', `${endpoint.interfaceName} vanished from ${path}`);
  await netlink.batch([
    addAddress(inner.index, parseIpv4(endpoint.ipv4Address), endpoint.ipv4PrefixLength),
    raiseLink(inner.index),
    addDefaultRoute(inner.index, parseIpv4(endpoint.gateway)),
  ]);
}

async function makePair(bridge: Bridge, endpoint: EndpointRecord, path: string): Promise<void> {
  const name = hostInterfaceName(endpoint.containerId, endpoint.position);
  const masterIndex = findLinkIndex(bridge.name);
  if (masterIndex === undefined) throw missingBridge(bridge.name);
  using netlink = openNetlink();
  const netnsFd = openNamespace(path);
  try {
    const peer = { netnsFd, name: endpoint.interfaceName, macAddress: endpoint.macAddress };
    const requests = [createVeth({ name, masterIndex, mtu: bridge.mtu, peer }), raiseBridgePort(name)];
    try {
      await netlink.batch(requests);
    } catch (error) {
      if (errnoOf(error) === 'ENODEV') throw missingBridge(bridge.name, error);
      if (errnoOf(error) !== 'EEXIST') throw error;
      // The container was stopped a moment ago and the kernel has not yet taken down what it had.
      await netlink.batch([deleteLink(name)]);
      await netlink.batch(requests);
    }
  } finally {
    closeSync(netnsFd);
  }
}

const missingBridge = (name: string, cause?: unknown): EngineError =>
  new EngineError('unavailable', `the bridge ${name} is gone`, { errno: 'ENODEV', cause });

/** Takes down the endpoint's pair; absence is success. Only for undoing: dropping the namespace is far cheaper. */
export async function removePair(containerId: string, position: number): Promise<void> {
  using netlink = openNetlink();
  await netlink.batch([deleteLink(hostInterfaceName(containerId, position))]);
}

/** Puts host ends that lost their bridge back on it; those endpoints are returned that have no host end at all. */
export async function reattachPorts(
  bridge: Bridge,
  endpoints: readonly EndpointRecord[],
): Promise<readonly EndpointRecord[]> {
  using netlink = openNetlink();
  const links = new Map(listLinks(netlink).map((link) => [link.name, link]));
  const masterIndex = links.get(bridge.name)?.index;
  if (masterIndex === undefined) throw missingBridge(bridge.name);
  const missing: EndpointRecord[] = [];
  for (const endpoint of endpoints) {
    const port = links.get(hostInterfaceName(endpoint.containerId, endpoint.position));
    if (port === undefined) missing.push(endpoint);
    else await reattach(netlink, port, masterIndex);
  }
  return missing;
}

async function reattach(netlink: NetlinkSocket, port: Link, masterIndex: number): Promise<void> {
  if (port.masterIndex === masterIndex && port.up) return;
  await netlink.batch([setLinkMaster(port.name, masterIndex), raiseBridgePort(port.name)]);
}

/** What the kernel needs to know of a bridge network. */
export function bridgeOf(
  name: string,
  mtu: number,
  ipam: readonly { readonly subnet: string; readonly gateway: string }[],
): Bridge {
  const gateways = ipam.map(({ subnet, gateway }) => ({
    address: parseIpv4(gateway),
    prefixLength: parseIpv4Block(subnet).prefixLength,
  }));
  return { name, mtu, gateways };
}
