import type { Socket } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import { ownFd } from './ffi.ts';
import { writeU16, writeU32 } from './netlink.ts';
import { findLinkIndex, insideNetns } from './netns.ts';
import { adoptSocket } from './seqpacket.ts';
import { AF_PACKET, bindSocket, openSocket, SOCK_NONBLOCK, SOCK_RAW } from './socket.ts';

const ETH_P_IP = 0x0800;
const SOCKADDR_LL_BYTES = 20;

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
      using opened = openSocket(attempted, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK);
      bindSocket(attempted, opened.fd, linkAddress(index));
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
