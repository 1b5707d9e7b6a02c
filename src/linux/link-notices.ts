import { IFINFO_BYTES, IFLA_IFNAME, RTM_DELLINK } from './link.ts';
import { decodeAttributes, decodeMessages, decodeText } from './netlink.ts';
import { NETLINK_ROUTE, subscribeNetlink } from './netlink-socket.ts';

const RTNLGRP_LINK = 1;
const AF_UNSPEC = 0;

/**
 * Tells the names of interfaces that go, in the namespace in which the thread stands, whoever removes them. `onLost` is
 * called once, where there were more notices than the socket could hold; the watch is over then. Does not keep the process
 * alive.
 */
export function watchRemovedLinks(onRemoved: (name: string) => void, onLost: () => void): Disposable {
  const socket = subscribeNetlink(NETLINK_ROUTE, RTNLGRP_LINK);
  socket.on('data', (datagram: Buffer) => {
    for (const { type, payload } of decodeMessages(datagram)) {
      // In the family AF_BRIDGE the same message says that a bridge lost a port.
      if (type !== RTM_DELLINK || payload[0] !== AF_UNSPEC) continue;
      const name = decodeAttributes(payload.subarray(IFINFO_BYTES)).get(IFLA_IFNAME);
      if (name !== undefined) onRemoved(decodeText(name));
    }
  });
  socket.on('error', onLost);
  socket.unref();
  return { [Symbol.dispose]: () => socket.destroy() };
}
