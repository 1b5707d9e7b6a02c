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
const RTM_GETADDR = 22;
const IFADDR_BYTES = 8;
const AF_INET = 2;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;

export interface InterfaceAddress {
  readonly linkIndex: number;
  readonly address: number;
  readonly prefixLength: number;
}

export function ipv4Bytes(address: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return bytes;
}

function ifaddr(linkIndex: number, prefixLength: number): Buffer {
  const header = Buffer.alloc(IFADDR_BYTES);
  header[0] = AF_INET;
  header[1] = prefixLength;
  writeU32(header, linkIndex, 4);
  return header;
}

/** Gives an interface an IPv4 address; one that it has already is success. */
export function addAddress(linkIndex: number, address: number, prefixLength: number): NetlinkRequest {
  const broadcast = (address | (2 ** (32 - prefixLength) - 1)) >>> 0;
  return {
    attempted: `give interface ${linkIndex} its address`,
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: [
      ifaddr(linkIndex, prefixLength),
      bytesAttribute(IFA_LOCAL, ipv4Bytes(address)),
      bytesAttribute(IFA_ADDRESS, ipv4Bytes(address)),
      bytesAttribute(IFA_BROADCAST, ipv4Bytes(broadcast)),
    ],
    tolerated: ['EEXIST'],
  };
}

/** All IPv4 addresses of the socket's namespace. */
export function listAddresses(netlink: NetlinkSocket): readonly InterfaceAddress[] {
  const request = { attempted: 'list the IPv4 addresses', type: RTM_GETADDR, flags: 0, body: [ifaddr(0, 0)] };
  return netlink.dump(request).flatMap(({ type, payload }) => {
    const attributes = decodeAttributes(payload.subarray(IFADDR_BYTES));
    const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
    if (type !== RTM_NEWADDR || local === undefined) return [];
    return [{ linkIndex: readU32(payload, 4), address: local.readUInt32BE(), prefixLength: payload[1] ?? 32 }];
  });
}
