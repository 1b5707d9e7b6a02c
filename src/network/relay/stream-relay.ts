import { once } from 'node:events';
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Gate } from './gate.ts';
import type { RelayTarget } from './relay.ts';
import { connectUpstream } from './upstream.ts';

/** Both ends are asked now and then whether they still live, so that half-closed connections do not stay for ever. */
const KEEP_ALIVE_MS = 60_000;

/** What one listener has going. */
export interface OpenRelay {
  /** 0 for unix sockets. */
  readonly hostPort: number;
  close(): Promise<void>;
}

/** Relays each connection to where `options` says to a connection of its own to the target. */
export async function openStreamRelay(options: ListenOptions, target: RelayTarget, gate: Gate): Promise<OpenRelay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    if (!gate.tryEnter()) {
      client.destroy();
      return;
    }
    open.add(client);
    client.once('close', () => {
      open.delete(client);
      gate.leave();
    });
    join(client, target);
  });
  server.listen(options);
  await once(server, 'listening');
  // A failed accept (no descriptors left) is that one caller's loss.
  server.on('error', () => {});
  return { hostPort: portOf(server), close: () => closeServer(server, open) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' ? ((address as AddressInfo | null)?.port ?? 0) : 0;
}

async function closeServer(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const client of open) client.destroy();
  await closed;
}

/** Each direction flows, and ends, by itself; a failure of one end is a failure of both. */
function join(client: Socket, target: RelayTarget): void {
  let upstream: Socket;
  try {
    upstream = connectUpstream(target);
  } catch {
    // The sandbox is gone, or there are no descriptors left.
    abandon(client);
    return;
  }
  upstream.setNoDelay(true);
  for (const socket of [client, upstream]) socket.setKeepAlive(true, KEEP_ALIVE_MS);
  linkFates(client, upstream);
  upstream.once('connect', () => {
    client.pipe(upstream);
    upstream.pipe(client);
  });
}

function linkFates(client: Socket, upstream: Socket): void {
  client.on('error', () => abandon(upstream));
  upstream.on('error', () => abandon(client));
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => client.destroy());
}

/** Ends it so that the other side sees a failure, not an end of data. */
function abandon(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
