import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';
import { addressValue } from './nft-values.ts';

const FAMILIES = { ipv4: 2, ipv6: 10 } as const;
const SOCK_TYPES = { tcp: 1, udp: 2 } as const;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOCKADDR_IN_BYTES = 16;
const PORT_OFFSET = 2;
const ADDRESS_OFFSET = 4;

const socket = declareSyscall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const bind = declareSyscall<[number, Uint8Array, number]>('int bind(int fd, const void *address, uint32_t size)');
const getsockname = declareSyscall<[number, Uint8Array, Uint8Array]>(
  'int getsockname(int fd, void *address, void *size)',
);

export type InetProtocol = keyof typeof SOCK_TYPES;

/**
 * A fresh socket of the network namespace in which this thread stands, of the family of `peer`, for Node to take over by its
 * descriptor: `dgram.bind({ fd })`, `net.listen({ fd })`, `new net.Socket({ fd })`.
 */
export function openInetSocket(protocol: InetProtocol, peer: string): OwnedFd {
  const family = isIPv6(peer) ? FAMILIES.ipv6 : FAMILIES.ipv4;
  const type = SOCK_TYPES[protocol] | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return ownFd(socket.call(`open a ${protocol} socket`, family, type, 0));
}

/** The same, bound to the IPv4 address and a port that the kernel chooses. */
export function openBoundSocket(protocol: InetProtocol, address: string): OwnedFd & { readonly port: number } {
  using opened = openInetSocket(protocol, address);
  const name = Buffer.alloc(SOCKADDR_IN_BYTES);
  if (endianness() === 'LE') name.writeUInt16LE(FAMILIES.ipv4);
  else name.writeUInt16BE(FAMILIES.ipv4);
  name.set(addressValue(address), ADDRESS_OFFSET);
  bind.call(`bind a ${protocol} socket to ${address}`, opened.fd, name, name.length);
  const size = Buffer.from(Uint32Array.of(name.length).buffer);
  getsockname.call(`read the port of a ${protocol} socket`, opened.fd, name, size);
  return Object.assign(ownFd(opened.release()), { port: name.readUInt16BE(PORT_OFFSET) });
}
