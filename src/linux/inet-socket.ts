import { isIPv6 } from 'node:net';
import { type OwnedFd, ownFd } from './ffi.ts';
import { writeU16 } from './netlink.ts';
import { addressValue } from './nft-values.ts';
import {
  AF_INET,
  AF_INET6,
  bindSocket,
  openSocket,
  readSocketAddress,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from './socket.ts';

const SOCK_TYPES = { tcp: SOCK_STREAM, udp: SOCK_DGRAM } as const;
const SOCKADDR_IN_BYTES = 16;
const PORT_OFFSET = 2;
const ADDRESS_OFFSET = 4;

export type InetProtocol = keyof typeof SOCK_TYPES;

/**
 * A fresh socket of the network namespace in which this thread stands, of the family of `peer`, for Node to take over by its
 * descriptor: `dgram.bind({ fd })`, `net.listen({ fd })`, `new net.Socket({ fd })`.
 */
export function openInetSocket(protocol: InetProtocol, peer: string): OwnedFd {
  const family = isIPv6(peer) ? AF_INET6 : AF_INET;
  return openSocket(`open a ${protocol} socket`, family, SOCK_TYPES[protocol] | SOCK_NONBLOCK);
}

/** The same, bound to the IPv4 address and a port that the kernel chooses. */
export function openBoundSocket(protocol: InetProtocol, address: string): OwnedFd & { readonly port: number } {
  using opened = openInetSocket(protocol, address);
  const name = Buffer.alloc(SOCKADDR_IN_BYTES);
  writeU16(name, AF_INET, 0);
  name.set(addressValue(address), ADDRESS_OFFSET);
  bindSocket(`bind a ${protocol} socket to ${address}`, opened.fd, name);
  readSocketAddress(`read the port of a ${protocol} socket`, opened.fd, name);
  return Object.assign(ownFd(opened.release()), { port: name.readUInt16BE(PORT_OFFSET) });
}
