import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';

/** Sockets as the kernel knows them, for what Node has no class for: socket(2). */

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SOL_SOCKET = 1;
const SOCK_CLOEXEC = 0o2000000;

const socket = declareSyscall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const setsockopt = declareSyscall<[number, number, number, Uint8Array, number]>(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t size)',
);
const bind = declareSyscall<[number, Uint8Array, number]>('int bind(int fd, const void *address, uint32_t size)');
const getsockname = declareSyscall<[number, Uint8Array, Uint8Array]>(
  'int getsockname(int fd, void *address, void *size)',
);

/** A socket of the network namespace in which this thread stands; it stays there. */
export const openSocket = (attempted: string, domain: number, type: number, protocol = 0): OwnedFd =>
  ownFd(socket.call(attempted, domain, type | SOCK_CLOEXEC, protocol));

export function setSocketOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
  const bytes = typeof value === 'number' ? u32(value) : value;
  setsockopt.call(`set option ${option} of a socket`, fd, level, option, bytes, bytes.length);
}

/** For options that older kernels lack and that can be done without. */
export function trySocketOption(fd: number, level: number, option: number, value: number): void {
  const bytes = u32(value);
  setsockopt.attempt(fd, level, option, bytes, bytes.length);
}

/** `address` is a `struct sockaddr` of the socket's family. */
export function bindSocket(attempted: string, fd: number, address: Uint8Array): void {
  bind.call(attempted, fd, address, address.length);
}

/** Writes the address to which the socket is bound over `address`, which must be large enough. */
export function readSocketAddress(attempted: string, fd: number, address: Uint8Array): void {
  getsockname.call(attempted, fd, address, u32(address.length));
}

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
