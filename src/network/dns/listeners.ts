import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { frame, frameReader } from './frames.ts';

export type Transport = 'udp' | 'tcp';

/** What is answered to a message; undefined for nothing. Never rejects. */
export type Answerer = (message: Buffer, transport: Transport) => Buffer | undefined | Promise<Buffer | undefined>;

/** Sockets at which questions come in. Disposing them drops them and all connections at once. */
export type Listeners = Disposable;

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 256;
/** Who asks and asks over tcp, and reads no answer, is cut off; over udp, answers that find no way out are dropped. */
const MAX_UNREAD_BYTES = 1 << 20;

/** On sockets that are bound already. */
export function listenOnSockets(fds: { readonly udp: number; readonly tcp: number }, answer: Answerer): Listeners {
  const udp = makeUdpSocket(answer);
  const tcp = makeTcpServer(answer);
  udp.on('error', () => {});
  tcp.on('error', () => {});
  udp.bind({ fd: fds.udp });
  tcp.listen({ fd: fds.tcp });
  return closerOf(udp, tcp);
}

/** On an address of the namespace in which this thread stands. Rejects where either is in use. */
export async function listenAt(address: string, port: number, answer: Answerer): Promise<Listeners> {
  const udp = makeUdpSocket(answer);
  const tcp = makeTcpServer(answer);
  try {
    // Our lookup answers at once, so that the event may come before bind returns.
    const bound = once(udp, 'listening');
    udp.bind(port, address);
    await bound;
    tcp.listen(port, address);
    await once(tcp, 'listening');
  } catch (error) {
    closerOf(udp, tcp)[Symbol.dispose]();
    throw error;
  }
  udp.on('error', () => {});
  tcp.on('error', () => {});
  return closerOf(udp, tcp);
}

const closerOf = (udp: UdpSocket, tcp: ReturnType<typeof makeTcpServer>): Listeners => ({
  [Symbol.dispose]() {
    udp.close();
    tcp.dropAll();
  },
});

function makeUdpSocket(answer: Answerer): UdpSocket {
  // Answers go to addresses, never names: nothing to look up.
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) });
  let isOpen = true;
  socket.on('close', () => {
    isOpen = false;
  });
  socket.on('message', (message, client) => {
    const reply = (bytes: Buffer | undefined): void => {
      if (bytes === undefined || !isOpen || socket.getSendQueueSize() > MAX_UNREAD_BYTES) return;
      // Who asked may be gone, or its queue full: it will ask again.
      socket.send(bytes, client.port, client.address, () => {});
    };
    const answered = answer(message, 'udp');
    if (answered instanceof Promise) void answered.then(reply);
    else reply(answered);
  });
  return socket;
}

function makeTcpServer(answer: Answerer): Server & { dropAll(): void } {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serveConnection(socket, answer);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return Object.assign(server, {
    dropAll() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  });
}

/** Who asks may close its side and still gets its answers. */
function serveConnection(socket: Socket, answer: Answerer): void {
  let pending = 0;
  let hasEnded = false;
  const endWhenDone = (): void => {
    if (hasEnded && pending === 0) socket.end();
  };
  const read = frameReader((message) => {
    pending += 1;
    void Promise.resolve(answer(message, 'tcp')).then((bytes) => {
      pending -= 1;
      if (bytes !== undefined && socket.writable) socket.write(frame(bytes));
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      endWhenDone();
    });
  });
  socket.on('data', read);
  socket.on('end', () => {
    hasEnded = true;
    endWhenDone();
  });
  socket.on('error', () => {});
  socket.setTimeout(IDLE_MS, () => socket.destroy());
}
