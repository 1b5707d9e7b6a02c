import { declareSyscall, ownFd } from './ffi.ts';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;

const socket = declareSyscall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const sendto = declareSyscall<[number, Uint8Array, number, number, Uint8Array, number]>(
  'int64_t sendto(int fd, const void *data, uint64_t size, int flags, const void *address, uint32_t address_size)',
);

/**
 * Tells the service manager that started this process, if any, how it is (`READY=1`): sd_notify(3). A manager that does
 * not listen is no error.
 */
export function notifyServiceManager(state: string): void {
  const path = process.env.NOTIFY_SOCKET;
  if (path === undefined || !/^[/@]./.test(path)) return;
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  const address = Buffer.concat([new Uint8Array(new Uint16Array([AF_UNIX]).buffer), name]);
  const data = Buffer.from(state);
  const { value: fd, errno } = socket.attempt(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (errno !== undefined) return;
  using owned = ownFd(fd);
  sendto.attempt(owned.fd, data, data.length, MSG_NOSIGNAL, address, address.length);
}
