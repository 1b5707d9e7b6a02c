import type { Socket } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import { declareSyscall, ownFd } from './ffi.ts';
import { writeU16, writeU32 } from './netlink.ts';
import { findLinkIndex, insideNetns } from './netns.ts';
import { adoptSocket } from './seqpacket.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_IP = 0x0800;
const SOCKADDR_LL_BYTES = 20;

const socket = declareSyscall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const bind = declareSyscall<[number, Uint8Array, number]>('int bind(int fd, const void *address, uint32_t size)');

/**
 * All Ethernet frames with IPv4 that come to an interface of the namespace at `path`, one in each 'data' event; what is written
 * to it, one at a time, leaves as a frame. Works before the interface has an address: packet(7). Destroy it soon: it sees all.
 */
export function openPacketSocket(path: string, interfaceName: string): Socket {
  const attempted = `listen to ${interfaceName} of ${path}`;
  // Protocol 0 hears nothing until it is bound to the one interface.
  using fd = ownFd(
    insideNetns(path, () => {
      const index = findLinkIndex(interfaceName);
      if (index === undefined) throw new EngineError('not-found', `${attempted}: there is no such interface`);
      using opened = ownFd(socket.call(attempted, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      bind.call(attempted, opened.fd, linkAddress(index), SOCKADDR_LL_BYTES);
      return opened.release();
    }),
  );
  return adoptSocket(fd.release());
}

function linkAddress(index: number): Buffer {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  writeU16(address, AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_IP, 2);
  writeU32(address, index, 4);
  return address;
}
