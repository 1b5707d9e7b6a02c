import { EngineError, errnoOf } from '#/base/errors.ts';
import {
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_NET_NS_FD,
  ifinfo,
  kindAttribute,
  macBytes,
  RTM_NEWLINK,
} from './link.ts';
import {
  bytesAttribute,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nestedAttribute,
  textAttribute,
  u32Attribute,
  writeU16,
} from './netlink.ts';
import { type NetlinkSocket, openNetlink } from './netlink-socket.ts';

/** Interfaces that stand on another one, and those that stand on nothing: linux/if_link.h. */

const IFLA_LINK = 5;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IFLA_VLAN_ID = 1;

const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;
const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;

export type MacvlanMode = keyof typeof MACVLAN_MODES;
export type IpvlanMode = keyof typeof IPVLAN_MODES;
export type IpvlanFlag = keyof typeof IPVLAN_FLAGS;

export const isMacvlanMode = (text: string): text is MacvlanMode => Object.hasOwn(MACVLAN_MODES, text);
export const isIpvlanMode = (text: string): text is IpvlanMode => Object.hasOwn(IPVLAN_MODES, text);
export const isIpvlanFlag = (text: string): text is IpvlanFlag => Object.hasOwn(IPVLAN_FLAGS, text);

/** An interface that is born inside another namespace, given as an open descriptor. */
export interface ChildLink {
  readonly parentIndex: number;
  readonly netnsFd: number;
  readonly name: string;
}

function u16Attribute(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  writeU16(bytes, value, 0);
  return bytesAttribute(type, bytes);
}

const creation = (attempted: string, ...attributes: readonly Uint8Array[]): NetlinkRequest => ({
  attempted,
  type: RTM_NEWLINK,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  body: [ifinfo({}), ...attributes],
});

const bornInside = ({ parentIndex, netnsFd, name }: ChildLink): readonly Uint8Array[] => [
  textAttribute(IFLA_IFNAME, name),
  u32Attribute(IFLA_LINK, parentIndex),
  u32Attribute(IFLA_NET_NS_FD, netnsFd),
];

export const createMacvlan = (link: ChildLink & { readonly mode: MacvlanMode; readonly macAddress: string }) =>
  creation(
    `create the macvlan interface ${link.name}`,
    ...bornInside(link),
    bytesAttribute(IFLA_ADDRESS, macBytes(link.macAddress)),
    kindAttribute(
      'macvlan',
      nestedAttribute(IFLA_INFO_DATA, u32Attribute(IFLA_MACVLAN_MODE, MACVLAN_MODES[link.mode])),
    ),
  );

/** It has the MAC address of its parent. */
export const createIpvlan = (link: ChildLink & { readonly mode: IpvlanMode; readonly flag: IpvlanFlag }) =>
  creation(
    `create the ipvlan interface ${link.name}`,
    ...bornInside(link),
    kindAttribute(
      'ipvlan',
      nestedAttribute(
        IFLA_INFO_DATA,
        u16Attribute(IFLA_IPVLAN_MODE, IPVLAN_MODES[link.mode]),
        u16Attribute(IFLA_IPVLAN_FLAGS, IPVLAN_FLAGS[link.flag]),
      ),
    ),
  );

/** The traffic of one VLAN (802.1Q) on `parentIndex`, in this namespace, down. */
export const createVlan = (link: { readonly parentIndex: number; readonly name: string; readonly vlanId: number }) =>
  creation(
    `create the VLAN interface ${link.name}`,
    textAttribute(IFLA_IFNAME, link.name),
    u32Attribute(IFLA_LINK, link.parentIndex),
    kindAttribute('vlan', nestedAttribute(IFLA_INFO_DATA, u16Attribute(IFLA_VLAN_ID, link.vlanId))),
  );

/** An interface that stands on nothing and swallows what is sent through it, down. */
export const createPlainLink = (kind: 'dummy' | 'ifb', name: string): NetlinkRequest =>
  creation(`create the ${kind} interface ${name}`, textAttribute(IFLA_IFNAME, name), kindAttribute(kind));

/** Carries out the creation of an interface. Throws unavailable where the kernel does not know its kind. */
export async function createOfKind(netlink: NetlinkSocket, kind: string, request: NetlinkRequest): Promise<void> {
  try {
    await netlink.batch([request]);
  } catch (error) {
    throw isUnknownKind(error) ? unknownKind(kind, error) : error;
  }
}

/** Throws unavailable where the kernel has no interfaces of this kind; makes none. */
export function assertKind(kind: 'macvlan' | 'ipvlan'): void {
  using netlink = openNetlink();
  try {
    // Without a parent it is refused, but not before the kernel has looked for the kind, and loaded its module.
    netlink.batchNow([creation(`probe for ${kind}`, kindAttribute(kind))]);
  } catch (error) {
    if (isUnknownKind(error)) throw unknownKind(kind, error);
  }
}

const isUnknownKind = (error: unknown): boolean => ['EOPNOTSUPP', 'ENOTSUP'].includes(errnoOf(error) ?? '');

const unknownKind = (kind: string, cause: unknown): EngineError =>
  new EngineError('unavailable', `${kind} is not available in this kernel`, { errno: 'EOPNOTSUPP', cause });
