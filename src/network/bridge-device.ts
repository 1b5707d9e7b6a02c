import { EngineError } from '#/base/errors.ts';
import { parseIpBlock } from '#/base/ip.ts';
import { addAddress } from '#/linux/address.ts';
import { createBridge, deleteLink, findLink, type Link, raiseLink, setLinkAlias, setLinkMtu } from '#/linux/link.ts';
import { type NetlinkSocket, openNetlink } from '#/linux/netlink-socket.ts';
import { ensureSysctl } from '#/linux/sysctl.ts';
import { inhibitsIpv4, mtuOf } from './bridge-options.ts';
import { macOfAddress, randomMacAddress } from './ipam.ts';
import type { Network } from './network.ts';

/** A bridge that somebody else made is used, and never removed: ours carry this note. */
const ALIAS_PREFIX = 'gantry network ';
const aliasOf = ({ id }: Pick<Network, 'id'>): string => `${ALIAS_PREFIX}${id}`;

/** Whether an engine made the interface for a network other than this one. */
export const isBridgeOfAnother = ({ alias }: Link, networkId: string | undefined): boolean =>
  alias.startsWith(ALIAS_PREFIX) && (networkId === undefined || alias !== aliasOf({ id: networkId }));

/** The bridge is there, up, with its gateways' addresses and MTU. Throws conflict where the name is another device's. */
export async function ensureBridge(network: Network): Promise<void> {
  const { bridgeName: name = '' } = network;
  using netlink = openNetlink();
  const link = findBridge(netlink, network) ?? (await makeBridge(netlink, network));
  const ipv6 = network.ipam.some(({ subnet }) => parseIpBlock(subnet).version === 6);
  ensureSysctl(`net/ipv6/conf/${name}/disable_ipv6`, ipv6 ? '0' : '1');
  // Containers are no routers of the host.
  ensureSysctl(`net/ipv6/conf/${name}/accept_ra`, '0');
  // Callers of published ports from 127.0.0.1; the firewall keeps everybody else from such addresses.
  ensureSysctl(`net/ipv4/conf/${name}/route_localnet`, '1');
  const mtu = mtuOf(network);
  await netlink.batch([
    ...(link.mtu === mtu ? [] : [setLinkMtu(link.index, mtu)]),
    ...network.ipam
      .filter(({ gateway }) => gateway !== '' && !(gateway.includes('.') && inhibitsIpv4(network)))
      .map(({ gateway, subnet }) => addAddress(link.index, gateway, parseIpBlock(subnet).prefixLength)),
    ...(link.up ? [] : [raiseLink(link.index)]),
  ]);
}

/** Takes the bridge down if it is one that we made; whether it was. */
export async function removeBridge(network: Network): Promise<boolean> {
  const { bridgeName: name = '' } = network;
  using netlink = openNetlink();
  const link = findLink(netlink, name);
  if (link?.alias !== aliasOf(network)) return false;
  await netlink.batch([deleteLink(name)]);
  return true;
}

async function makeBridge(netlink: NetlinkSocket, network: Network): Promise<Link> {
  const { bridgeName: name = '', ipam } = network;
  // A fixed address: one that the bridge chooses changes with its ports, and containers would lose their gateway.
  const ipv4Gateway = ipam.find(({ gateway }) => gateway.includes('.'))?.gateway;
  const macAddress = ipv4Gateway === undefined ? randomMacAddress() : macOfAddress(ipv4Gateway);
  // Whoever was faster was us too.
  const create = { ...createBridge(name, macAddress), tolerated: ['EEXIST'] };
  await netlink.batch([create, setLinkAlias(name, aliasOf(network))]);
  const link = findBridge(netlink, network);
  if (link === undefined) throw missingBridge(name);
  return link;
}

function findBridge(netlink: NetlinkSocket, { id, bridgeName: name = '' }: Network): Link | undefined {
  const link = findLink(netlink, name);
  if (link === undefined) return undefined;
  const refusal = (why: string) => new EngineError('conflict', `cannot use ${name} as a bridge: ${why}`);
  if (link.kind !== 'bridge') throw refusal('it is an interface of another kind');
  if (isBridgeOfAnother(link, id)) throw refusal(`it belongs to a network of another engine (${link.alias})`);
  return link;
}

/** With the errno ENODEV, by which whoever wanted to use the bridge knows that it has to be made again. */
export const missingBridge = (name: string, cause?: unknown): EngineError =>
  new EngineError('unavailable', `the bridge ${name} is gone`, { errno: 'ENODEV', cause });
