import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { isIPv6, Socket, type SocketConstructorOpts } from 'node:net';
import { type InetProtocol, openInetSocket } from '#/linux/inet-socket.ts';
import { insideNetns } from '#/linux/netns.ts';
import type { RelayTarget } from './relay.ts';

/** A descriptor of the namespace from which the target is reached. A socket stays in the namespace that it was made in. */
function openSocket(protocol: InetProtocol, { address, sandboxPath }: RelayTarget): number {
  const open = (): number => openInetSocket(protocol, address).release();
  return sandboxPath === undefined ? open() : insideNetns(sandboxPath, open);
}

/** A connection on its way to the target; half-open, and paused until somebody reads. Failure is its 'error'. */
export function connectUpstream(target: RelayTarget): Socket {
  // `pauseOnCreate`, which the types leave out, keeps Node from reading what is not connected yet.
  const options: SocketConstructorOpts & { readonly pauseOnCreate: boolean } = {
    fd: openSocket('tcp', target),
    allowHalfOpen: true,
    pauseOnCreate: true,
  };
  return new Socket(options).connect({ host: target.address, port: target.port });
}

/** A socket that sends to the target alone and hears from nobody else; calls back when it can be used. */
export function associateUpstream(target: RelayTarget, whenReady: () => void): DatagramSocket {
  const fd = openSocket('udp', target);
  const socket = createSocket(isIPv6(target.address) ? 'udp6' : 'udp4');
  socket.bind({ fd }, () => {
    socket.connect(target.port, target.address, (error?: Error) => {
      if (error === undefined) whenReady();
      else socket.emit('error', error);
    });
  });
  return socket;
}
