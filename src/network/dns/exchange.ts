import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6, Socket } from 'node:net';
import { openInetSocket } from '#/linux/inet-socket.ts';
import { insideNetns } from '#/linux/netns.ts';
import { frame, frameReader } from './frames.ts';
import type { Transport } from './listeners.ts';
import { answers, type Query, withId } from './wire.ts';

const DNS_PORT = 53;

/** One question to one resolver. */
export interface Exchange {
  readonly query: Query;
  readonly transport: Transport;
  readonly upstream: string;
  /** The namespace from which to ask; undefined for the one in which the thread stands. */
  readonly netnsPath: string | undefined;
  readonly timeoutMs: number;
  /** Gives up at once. */
  readonly signal: AbortSignal;
}

/**
 * Asks with a new random id and, over udp, from a port of its own, which is the kernel's random choice: whoever wants to answer
 * in the resolver's stead must guess both. What does not answer the question is passed over. The result has the client's id;
 * undefined when no answer came.
 */
export function exchange(request: Exchange): Promise<Buffer | undefined> {
  const { query, transport, timeoutMs, signal } = request;
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const question = withId(query.message, randomInt(0x10000));
  const onMessage = (message: Buffer): void => {
    if (answers(message, question, query.questionEnd)) resolve(withId(message, query.message.readUInt16BE(0)));
  };
  const fail = (): void => resolve(undefined);
  const timer = setTimeout(fail, timeoutMs);
  signal.addEventListener('abort', fail);
  let close = (): void => {};
  try {
    if (signal.aborted) fail();
    else close = (transport === 'udp' ? askUdp : askTcp)(request, question, onMessage, fail);
  } catch {
    // No descriptor left, no route, the namespace gone: as good as no answer.
    fail();
  }
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', fail);
    close();
  });
}

type Ask = (request: Exchange, question: Buffer, onMessage: (message: Buffer) => void, fail: () => void) => () => void;

const askUdp: Ask = ({ upstream, netnsPath }, question, onMessage, fail) => {
  const fd = netnsPath === undefined ? undefined : openInside(netnsPath, 'udp', upstream);
  const socket = createSocket(isIPv6(upstream) ? 'udp6' : 'udp4');
  socket.on('error', fail);
  socket.on('message', onMessage);
  socket.on('connect', () => socket.send(question, (error) => error && fail()));
  if (fd === undefined) socket.connect(DNS_PORT, upstream);
  else socket.bind({ fd }, () => socket.connect(DNS_PORT, upstream));
  return () => socket.close();
};

const askTcp: Ask = ({ upstream, netnsPath }, question, onMessage, fail) => {
  const socket =
    netnsPath === undefined
      ? new Socket()
      : new Socket({ fd: openInside(netnsPath, 'tcp', upstream), readable: true, writable: true });
  socket.on('error', fail);
  socket.on('close', fail);
  socket.on('data', frameReader(onMessage));
  socket.connect(DNS_PORT, upstream, () => socket.write(frame(question)));
  return () => socket.destroy();
};

const openInside = (netnsPath: string, protocol: Transport, upstream: string): number =>
  insideNetns(netnsPath, () => openInetSocket(protocol, upstream)).release();
