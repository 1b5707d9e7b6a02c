import {
  bytesAttribute,
  decodeAttributes,
  decodeText,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nestedAttribute,
  readU32,
  textAttribute,
  u8Attribute,
  u32Attribute,
  writeU32,
} from './netlink.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
export const IFINFO_BYTES = 16;
const IFF_UP = 1;
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
const IFLA_AF_SPEC = 26;
export const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_BRPORT_MODE = 4;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const ADDR_GEN_MODE_NONE = 1;
const VETH_INFO_PEER = 1;
const AF_INET6 = 10;

export const LOOPBACK_INDEX = 1;

/** A network interface as the kernel lists it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth` …; undefined for real devices. */
  readonly kind: string | undefined;
  readonly masterIndex: number | undefined;
  readonly up: boolean;
  readonly mtu: number;
  /** A note on the interface; '' for none. */
  readonly alias: string;
}

export interface VethPair {
  readonly name: string;
  readonly masterIndex: number;
  readonly mtu: number;
  readonly peer: VethPeer;
}

/** The end that is born inside another namespace, given as an open descriptor. */
export interface VethPeer {
  readonly netnsFd: number;
  readonly name: string;
  readonly macAddress: string;
}

/** The fixed header of requests about interfaces. */
export function ifinfo({ index = 0, up = false }: { readonly index?: number; readonly up?: boolean }): Buffer {
  const header = Buffer.alloc(IFINFO_BYTES);
  writeU32(header, index, 4);
  writeU32(header, up ? IFF_UP : 0, 8);
  writeU32(header, up ? IFF_UP : 0, 12);
  return header;
}

export const macBytes = (address: string): Buffer => Buffer.from(address.replaceAll(':', ''), 'hex');
export const kindAttribute = (kind: string, ...data: readonly Uint8Array[]): Buffer =>
  nestedAttribute(IFLA_LINKINFO, textAttribute(IFLA_INFO_KIND, kind), ...data);

/** Makes a bridge, down, without addresses. */
export const createBridge = (name: string, macAddress: string): NetlinkRequest => ({
  attempted: `create the bridge ${name}`,
  type: RTM_NEWLINK,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  body: [
    ifinfo({}),
    textAttribute(IFLA_IFNAME, name),
    bytesAttribute(IFLA_ADDRESS, macBytes(macAddress)),
    kindAttribute('bridge'),
  ],
});

/** Makes both ends at once, down (veth refuses to open before it has its peer); ours is a port of its master. */
export function createVeth({ name, masterIndex, mtu, peer }: VethPair): NetlinkRequest {
  const peerInfo = nestedAttribute(
    VETH_INFO_PEER,
    ifinfo({}),
    textAttribute(IFLA_IFNAME, peer.name),
    bytesAttribute(IFLA_ADDRESS, macBytes(peer.macAddress)),
    u32Attribute(IFLA_MTU, mtu),
    u32Attribute(IFLA_NET_NS_FD, peer.netnsFd),
  );
  return {
    attempted: `create the interface pair ${name} and ${peer.name}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: [
      ifinfo({}),
      textAttribute(IFLA_IFNAME, name),
      u32Attribute(IFLA_MTU, mtu),
      u32Attribute(IFLA_MASTER, masterIndex),
      kindAttribute('veth', nestedAttribute(IFLA_INFO_DATA, peerInfo)),
    ],
  };
}

/** Brings a port up, as a hairpin (what a container sends to its own published port comes back) and without IPv6 noise. */
export const raiseBridgePort = (name: string): NetlinkRequest => ({
  attempted: `bring up ${name}`,
  type: RTM_NEWLINK,
  flags: 0,
  body: [
    ifinfo({ up: true }),
    textAttribute(IFLA_IFNAME, name),
    nestedAttribute(IFLA_AF_SPEC, nestedAttribute(AF_INET6, u8Attribute(IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_MODE_NONE))),
    nestedAttribute(
      IFLA_LINKINFO,
      textAttribute(IFLA_INFO_SLAVE_KIND, 'bridge'),
      nestedAttribute(IFLA_INFO_SLAVE_DATA, u8Attribute(IFLA_BRPORT_MODE, 1)),
    ),
  ],
});

export const setLinkMaster = (name: string, masterIndex: number): NetlinkRequest => ({
  attempted: `attach ${name} to its bridge`,
  type: RTM_NEWLINK,
  flags: 0,
  body: [ifinfo({}), textAttribute(IFLA_IFNAME, name), u32Attribute(IFLA_MASTER, masterIndex)],
});

export const raiseLink = (index: number): NetlinkRequest => ({
  attempted: `bring up interface ${index}`,
  type: RTM_NEWLINK,
  flags: 0,
  body: [ifinfo({ index, up: true })],
});

export const setLinkMtu = (index: number, mtu: number): NetlinkRequest => ({
  attempted: `set the MTU of interface ${index} to ${mtu}`,
  type: RTM_NEWLINK,
  flags: 0,
  body: [ifinfo({ index }), u32Attribute(IFLA_MTU, mtu)],
});

/** Leaves a note on an interface, which `listLinks` shows as `alias`. */
export const setLinkAlias = (name: string, alias: string): NetlinkRequest => ({
  attempted: `note on ${name} whose it is`,
  type: RTM_NEWLINK,
  flags: 0,
  body: [ifinfo({}), textAttribute(IFLA_IFNAME, name), textAttribute(IFLA_IFALIAS, alias)],
});

/** Removes an interface; the kernel takes tens of milliseconds, so never on the event loop. Absence is success. */
export const deleteLink = (name: string): NetlinkRequest => ({
  attempted: `remove the interface ${name}`,
  type: RTM_DELLINK,
  flags: 0,
  body: [ifinfo({}), textAttribute(IFLA_IFNAME, name)],
  tolerated: ['ENODEV'],
});

/** All interfaces of the socket's namespace. */
export function listLinks(netlink: NetlinkSocket): readonly Link[] {
  return netlink
    .dump({ attempted: 'list the network interfaces', type: RTM_GETLINK, flags: 0, body: [ifinfo({})] })
    .filter(({ type }) => type === RTM_NEWLINK)
    .map(decodeLink);
}

/** The interface of that name, with its kind and alias; `findLinkIndex` is quicker where its number is enough. */
export const findLink = (netlink: NetlinkSocket, name: string): Link | undefined =>
  listLinks(netlink).find((link) => link.name === name);

function decodeLink({ payload }: NetlinkMessage): Link {
  const attributes = decodeAttributes(payload.subarray(IFINFO_BYTES));
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info && decodeAttributes(info).get(IFLA_INFO_KIND);
  const name = attributes.get(IFLA_IFNAME);
  const master = attributes.get(IFLA_MASTER);
  const mtu = attributes.get(IFLA_MTU);
  const alias = attributes.get(IFLA_IFALIAS);
  return {
    index: readU32(payload, 4),
    name: name ? decodeText(name) : '',
    kind: kind && decodeText(kind),
    masterIndex: master && readU32(master),
    up: (readU32(payload, 8) & IFF_UP) !== 0,
    mtu: mtu ? readU32(mtu) : 0,
    alias: alias ? decodeText(alias) : '',
  };
}
