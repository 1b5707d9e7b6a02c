import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Gate } from './gate.ts';
import type { RelayTarget } from './relay.ts';
import type { OpenRelay } from './stream-relay.ts';
import { associateUpstream } from './upstream.ts';

/** What a caller may send before its association is ready; that takes microseconds, and udp may lose. */
const QUEUED_MAX = 16;
/** Of a socket whose interface is slower than who sends: more is lost, as it would be in the kernel. */
const UNSENT_BYTES_MAX = 1 << 20;

export interface DatagramListener {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly reservedFd?: number;
}

/** One caller's datagrams, to the target and back. */
interface Association {
  send(datagram: Buffer): void;
  readonly lastUsedMs: () => number;
  close(): void;
}

/** Relays each caller's datagrams from a port of its own; callers that say and hear nothing for `idleMs` are forgotten. */
export async function openDatagramRelay(
  listener: DatagramListener,
  target: RelayTarget,
  gate: Gate,
  idleMs: number,
): Promise<OpenRelay> {
  const server = await bind(listener);
  const associations = new Map<string, Association>();
  const forget = (caller: string): void => {
    const association = associations.get(caller);
    if (association === undefined) return;
    associations.delete(caller);
    association.close();
    gate.leave();
  };
  const begin = (caller: string, { address, port }: RemoteInfo): Association | undefined => {
    if (!gate.tryEnter()) return undefined;
    try {
      const reply = (datagram: Buffer): void => {
        if (hasRoom(server)) server.send(datagram, port, address, ignoreFailure);
      };
      const association = associate(target, reply, () => forget(caller));
      associations.set(caller, association);
      return association;
    } catch {
      gate.leave();
      return undefined;
    }
  };
  server.on('message', (datagram, from) => {
    const caller = `${from.address} ${from.port}`;
    (associations.get(caller) ?? begin(caller, from))?.send(datagram);
  });
  // An answer from a caller's host that nobody listens there.
  server.on('error', () => {});
  const sweep = setInterval(() => {
    const oldestMs = performance.now() - idleMs;
    for (const [caller, { lastUsedMs }] of associations) if (lastUsedMs() < oldestMs) forget(caller);
  }, idleMs / 4);
  return {
    hostPort: server.address().port,
    async close() {
      clearInterval(sweep);
      for (const caller of [...associations.keys()]) forget(caller);
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

const ignoreFailure = (): void => {};
const hasRoom = (socket: Socket): boolean => socket.getSendQueueSize() < UNSENT_BYTES_MAX;

async function bind({ hostAddress, hostPort, reservedFd }: DatagramListener): Promise<Socket> {
  const family = isIPv6(hostAddress) ? 'udp6' : 'udp4';
  const socket = createSocket({ type: family, ipv6Only: family === 'udp6' });
  // Before the bind: a descriptor is bound already, and Node says so within the call.
  const listening = once(socket, 'listening');
  try {
    socket.bind(reservedFd === undefined ? { address: hostAddress, port: hostPort } : { fd: reservedFd });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

function associate(target: RelayTarget, reply: (datagram: Buffer) => void, onFailure: () => void): Association {
  let usedMs = performance.now();
  let queued: Buffer[] | undefined = [];
  const socket = associateUpstream(target, () => {
    for (const datagram of queued ?? []) socket.send(datagram, ignoreFailure);
    queued = undefined;
  });
  socket.on('message', (datagram) => {
    usedMs = performance.now();
    reply(datagram);
  });
  // Nobody listens at the target, or it is gone: the next datagram tries again.
  socket.on('error', onFailure);
  return {
    send(datagram) {
      usedMs = performance.now();
      if (queued === undefined) {
        if (hasRoom(socket)) socket.send(datagram, ignoreFailure);
      } else if (queued.length < QUEUED_MAX) queued.push(datagram);
    },
    lastUsedMs: () => usedMs,
    close: () => void socket.off('error', onFailure).on('error', ignoreFailure).close(),
  };
}
