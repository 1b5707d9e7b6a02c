import { errnoError } from '#/base/errors.ts';
import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';
import { writeU16 } from './netlink.ts';
import { addressValue } from './nft-values.ts';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const KINDS = {
  tcp: { type: 1, protocol: 6 },
  udp: { type: 2, protocol: 17 },
  sctp: { type: 1, protocol: 132 },
} as const;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
const IPV6_ADDRESS_OFFSET = 8;
const BACKLOG = 511;
const ON = Buffer.from(Uint32Array.of(1).buffer);
const OFF = Buffer.from(Uint32Array.of(0).buffer);

const socket = declareSyscall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const setsockopt = declareSyscall<[number, number, number, Uint8Array, number]>(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t size)',
);
const bind = declareSyscall<[number, Uint8Array, number]>('int bind(int fd, const void *address, uint32_t size)');
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
  const kind = KINDS[protocol];
  const opened = socket.attempt(family, kind.type | SOCK_NONBLOCK | SOCK_CLOEXEC, kind.protocol);
  if (opened.errno === 'EPROTONOSUPPORT') return undefined;
  if (opened.errno !== undefined) throw errnoError(attempted, opened.errno);
  using owned = ownFd(opened.value);
  if (family === AF_INET6) set(owned.fd, IPPROTO_IPV6, IPV6_V6ONLY, ON);
  const failure = bind.attempt(owned.fd, name, name.length).errno;
  if (failure !== undefined) {
    if (failure !== 'EADDRINUSE' || protocol !== 'tcp') throw errnoError(attempted, failure);
    bindOverEnded(owned.fd, name, attempted);
  }
  return ownFd(owned.release());
}

/** Connections of a server that is gone hold its port for a minute more; nobody who lives on it is overlooked. */
function bindOverEnded(fd: number, name: Uint8Array, attempted: string): void {
  set(fd, SOL_SOCKET, SO_REUSEADDR, ON);
  bind.call(attempted, fd, name, name.length);
  // Else a stranger's server, which usually says the same, could have the port beside us.
  set(fd, SOL_SOCKET, SO_REUSEADDR, OFF);
}

/** From now on callers of a reserved tcp port wait in the kernel until somebody accepts them. */
export function listenOn(fd: number): void {
  // Who listens shares with nobody, whatever they say; but ended connections may be in the way again.
  set(fd, SOL_SOCKET, SO_REUSEADDR, ON);
  listen.call('listen on a reserved port', fd, BACKLOG);
}

function set(fd: number, level: number, option: number, value: Uint8Array): void {
  setsockopt.call('set an option of a socket', fd, level, option, value, value.length);
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
