import { addressBytes, type IpAddress, type IpVersion, ipOfBytes } from '#/base/ip.ts';
import {
  bytesAttribute,
  decodeAttributes,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  readU32,
  writeU32,
} from './netlink.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFADDR_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_F_NODAD = 2;
export const ADDRESS_FAMILIES = { 4: 2, 6: 10 } as const satisfies Record<IpVersion, number>;

export interface InterfaceAddress {
  readonly linkIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

function ifaddr(version: IpVersion, linkIndex: number, prefixLength: number): Buffer {
  const header = Buffer.alloc(IFADDR_BYTES);
  header[0] = ADDRESS_FAMILIES[version];
  header[1] = prefixLength;
  // Nobody else has it: ipam says so. Without this, it could not be used for a second.
  header[2] = version === 6 ? IFA_F_NODAD : 0;
  writeU32(header, linkIndex, 4);
  return header;
}

/** Gives an interface an address; one that it has already is success. */
export function addAddress(linkIndex: number, address: string, prefixLength: number): NetlinkRequest {
  const bytes = addressBytes(address);
  const version = bytes.length === 4 ? 4 : 6;
  return {
    attempted: `give interface ${linkIndex} its address ${address}`,
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: [
      ifaddr(version, linkIndex, prefixLength),
      bytesAttribute(IFA_LOCAL, bytes),
      bytesAttribute(IFA_ADDRESS, bytes),
      ...(version === 4 ? [bytesAttribute(IFA_BROADCAST, broadcastOf(bytes, prefixLength))] : []),
    ],
    tolerated: ['EEXIST'],
  };
}

/** Takes an address from an interface; absence is success. */
export function removeAddress(linkIndex: number, address: string, prefixLength: number): NetlinkRequest {
  const bytes = addressBytes(address);
  return {
    attempted: `take the address ${address} from interface ${linkIndex}`,
    type: RTM_DELADDR,
    flags: 0,
    body: [ifaddr(bytes.length === 4 ? 4 : 6, linkIndex, prefixLength), bytesAttribute(IFA_LOCAL, bytes)],
    tolerated: ['EADDRNOTAVAIL'],
  };
}

function broadcastOf(address: Buffer, prefixLength: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((address.readUInt32BE() | (2 ** (32 - prefixLength) - 1)) >>> 0);
  return bytes;
}

/** All addresses of the socket's namespace. */
export function listAddresses(netlink: NetlinkSocket): readonly InterfaceAddress[] {
  return ([4, 6] as const).flatMap((version) => {
    const body = [ifaddr(version, 0, 0).fill(0, 1)];
    const request = { attempted: `list the IPv${version} addresses`, type: RTM_GETADDR, flags: 0, body };
    return netlink.dump(request).flatMap(({ type, payload }) => {
      const attributes = decodeAttributes(payload.subarray(IFADDR_BYTES));
      const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
      if (type !== RTM_NEWADDR || local === undefined) return [];
      return [{ linkIndex: readU32(payload, 4), address: ipOfBytes(local), prefixLength: payload[1] ?? 0 }];
    });
  });
}
