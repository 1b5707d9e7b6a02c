import { errnoOf } from '#/base/errors.ts';
import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';
import { writeU16 } from './netlink.ts';
import { addressValue } from './nft-values.ts';
import {
  AF_INET,
  AF_INET6,
  bindSocket,
  openSocket,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setSocketOption,
} from './socket.ts';

const KINDS = {
  tcp: { type: SOCK_STREAM, protocol: 6 },
  udp: { type: SOCK_DGRAM, protocol: 17 },
  sctp: { type: SOCK_STREAM, protocol: 132 },
} as const;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
const IPV6_ADDRESS_OFFSET = 8;
const BACKLOG = 511;

const listen = declareSyscall<[number, number]>('int listen(int fd, int backlog)');

export interface HostPort {
  readonly protocol: keyof typeof KINDS;
  readonly address: string;
  readonly port: number;
}

/**
 * Takes a port of the host for as long as the descriptor is open: bound, not listening, so that nobody else can have it.
 * `::` is IPv6 alone. Undefined where the kernel does not know the protocol. Throws with the errno: EADDRINUSE, EADDRNOTAVAIL…
 */
export function reservePort({ protocol, address, port }: HostPort): OwnedFd | undefined {
  const attempted = `bind ${protocol} port ${port} of ${address}`;
  const name = socketAddress(address, port);
  const family = name.length === SOCKADDR_IN6_BYTES ? AF_INET6 : AF_INET;
  using owned = openIfKnown(attempted, family, protocol);
  if (owned === undefined) return undefined;
  if (family === AF_INET6) setSocketOption(owned.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  try {
    bindSocket(attempted, owned.fd, name);
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE' || protocol !== 'tcp') throw error;
    bindOverEnded(owned.fd, name, attempted);
  }
  return ownFd(owned.release());
}

function openIfKnown(attempted: string, family: number, name: HostPort['protocol']): OwnedFd | undefined {
  const { type, protocol } = KINDS[name];
  try {
    return openSocket(attempted, family, type | SOCK_NONBLOCK, protocol);
  } catch (error) {
    if (errnoOf(error) === 'EPROTONOSUPPORT') return undefined;
    throw error;
  }
}

/** Connections of a server that is gone hold its port for a minute more; nobody who lives on it is overlooked. */
function bindOverEnded(fd: number, name: Uint8Array, attempted: string): void {
  setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  bindSocket(attempted, fd, name);
  // Else a stranger's server, which usually says the same, could have the port beside us.
  setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 0);
}

/** From now on callers of a reserved tcp port wait in the kernel until somebody accepts them. */
export function listenOn(fd: number): void {
  // Who listens shares with nobody, whatever they say; but ended connections may be in the way again.
  setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  listen.call('listen on a reserved port', fd, BACKLOG);
}

function socketAddress(address: string, port: number): Buffer {
  const value = addressValue(address);
  const ipv6 = value.length > 4;
  const name = Buffer.alloc(ipv6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
  writeU16(name, ipv6 ? AF_INET6 : AF_INET, 0);
  name.writeUInt16BE(port, 2);
  name.set(value, ipv6 ? IPV6_ADDRESS_OFFSET : 4);
  return name;
}
