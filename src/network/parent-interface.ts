import { EngineError, isEngineError } from '#/base/errors.ts';
import { createOfKind, createPlainLink, createVlan } from '#/linux/child-link.ts';
import { deleteLink, findLink, type Link, LOOPBACK_INDEX, raiseLink, setLinkAlias } from '#/linux/link.ts';
import { type NetlinkSocket, openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex } from '#/linux/netns.ts';
import type { Network } from './network.ts';

/** The interface of the host on which the containers of a macvlan or ipvlan network stand. */

const PARENT_OPTION = 'parent';
const VLAN_IDS = { min: 1, max: 4094 };
/** The mark of interfaces that were made here, and that nobody else's network may lose. */
const OWN_ALIAS = 'gantry';

/** As Docker calls the interface of a network that stands on none of the host's. */
export const plainParentName = (networkId: string): string => `dm-${networkId.slice(0, 12)}`;

export const parentNameOf = ({ id, options }: Network): string => options[PARENT_OPTION] || plainParentName(id);

interface VlanName {
  readonly baseName: string;
  readonly vlanId: number;
}

/** Throws invalid-argument, with Docker's texts, for a parent that is neither there nor can be made. */
export function checkParent(network: Network): void {
  const name = parentNameOf(network);
  const index = findLinkIndex(name);
  if (index === LOOPBACK_INDEX) {
    throw new EngineError('invalid-argument', `loopback interface is not a valid ${network.driver} parent link`);
  }
  if (index !== undefined || name === plainParentName(network.id)) return;
  const { baseName } = parseVlanName(name);
  if (findLinkIndex(baseName) === undefined) {
    throw new EngineError('invalid-argument', `-o parent interface was not found on the host: ${baseName}`);
  }
}

/** `eth0.50` → `eth0` and 50. */
function parseVlanName(name: string): VlanName {
  const [, baseName, digits] = /^([^.]+)\.([^.]+)$/.exec(name) ?? [];
  if (baseName === undefined || digits === undefined) {
    throw new EngineError('invalid-argument', `invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  }
  if (!/^\d+$/.test(digits)) {
    throw new EngineError(
      'invalid-argument',
      `unable to parse a valid vlan id from: ${digits} (ex. eth0.10 for vlan 10)`,
    );
  }
  const vlanId = Number(digits);
  if (vlanId < VLAN_IDS.min || vlanId > VLAN_IDS.max) {
    throw new EngineError(
      'invalid-argument',
      `vlan id must be between ${VLAN_IDS.min}-${VLAN_IDS.max}, received: ${vlanId}`,
    );
  }
  return { baseName, vlanId };
}

/** The parent is there and up; made where it is a VLAN of another interface, or of this network alone. Returns its index. */
export async function ensureParent(network: Network): Promise<number> {
  const name = parentNameOf(network);
  using netlink = openNetlink();
  const link = findLink(netlink, name) ?? (await makeParent(netlink, network, name));
  if (!link.up) await netlink.batch([raiseLink(link.index)]);
  return link.index;
}

async function makeParent(netlink: NetlinkSocket, network: Network, name: string): Promise<Link> {
  checkParent(network);
  if (name === plainParentName(network.id)) await makePlainParent(netlink, name);
  else await makeVlan(netlink, name);
  await netlink.batch([setLinkAlias(name, OWN_ALIAS)]);
  const link = findLink(netlink, name);
  if (link === undefined) throw new EngineError('unavailable', `the interface ${name} vanished while it was made`);
  return link;
}

async function makeVlan(netlink: NetlinkSocket, name: string): Promise<void> {
  const { baseName, vlanId } = parseVlanName(name);
  const parentIndex = findLinkIndex(baseName) ?? 0;
  await createOfKind(netlink, 'vlan', createVlan({ parentIndex, name, vlanId }));
}

/** An ifb serves as well where the kernel has no dummy interfaces: it too drops what is sent through it. */
async function makePlainParent(netlink: NetlinkSocket, name: string): Promise<void> {
  try {
    await createOfKind(netlink, 'dummy', createPlainLink('dummy', name));
  } catch (error) {
    if (!isEngineError(error, 'unavailable')) throw error;
    await createOfKind(netlink, 'dummy', createPlainLink('ifb', name));
  }
}

/** Takes the parent away if it was made here; absence is success. */
export async function removeParent(network: Network): Promise<void> {
  const name = parentNameOf(network);
  using netlink = openNetlink();
  if (findLink(netlink, name)?.alias !== OWN_ALIAS) return;
  await netlink.batch([deleteLink(name)]);
}
