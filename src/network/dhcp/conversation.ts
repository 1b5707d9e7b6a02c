import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { openPacketSocket } from '#/linux/packet-socket.ts';
import { BROADCAST, CLIENT_PORT, decodeFrame, encodeFrame, type Place } from './frame.ts';
import { type DhcpReply, type DhcpRequest, decodeDhcp, encodeDhcp } from './message.ts';

/** The interface for which addresses are asked. */
export interface DhcpClient {
  /** The namespace in which it is. */
  readonly path: string;
  readonly interfaceName: string;
  readonly macAddress: string;
  /** The same for the same container: so it gets the same address. */
  readonly clientId: string;
}

/** What is said, beside who says it. */
export type Question = Pick<DhcpRequest, 'type'> &
  Partial<Pick<DhcpRequest, 'clientAddress' | 'requestedAddress' | 'serverAddress'>>;

export interface Answer {
  readonly reply: DhcpReply;
  /** Whence the answer came: the server, or a relay on the way to it. */
  readonly sourceMac: string;
}

/** Each time that a question is asked again, answers are waited for longer. */
const WAITS_MS = [500, 1000, 2000, 4000];

interface AskOptions {
  readonly signal: AbortSignal;
  readonly target?: Place;
  /** By performance.now(): when an answer comes too late. */
  readonly untilMs?: number;
}

/** The first answer of one of the types; undefined where none comes in time. Throws when the signal says so. */
export async function ask(
  client: DhcpClient,
  question: Question,
  types: readonly DhcpReply['type'][],
  { signal, target = BROADCAST, untilMs = Number.POSITIVE_INFINITY }: AskOptions,
): Promise<Answer | undefined> {
  const { frame, transactionId } = frameOf(client, question, target);
  const socket = openPacketSocket(client.path, client.interfaceName, CLIENT_PORT);
  const closed = new AbortController();
  try {
    const heard = listen(socket, client, transactionId, types);
    for (const waitMs of WAITS_MS) {
      const leftMs = Math.min(waitMs, untilMs - performance.now());
      if (leftMs <= 0) break;
      socket.write(frame);
      const answer = await Promise.race([heard, afterMs(leftMs, AbortSignal.any([signal, closed.signal]))]);
      signal.throwIfAborted();
      if (answer !== undefined) return answer;
    }
    return undefined;
  } finally {
    closed.abort();
    socket.destroy();
  }
}

/** Says something to which there is no answer. */
export async function tell(client: DhcpClient, question: Question, target: Place): Promise<void> {
  const socket = openPacketSocket(client.path, client.interfaceName, CLIENT_PORT);
  socket.end(frameOf(client, question, target).frame);
  await once(socket, 'finish');
  socket.destroy();
}

function frameOf(client: DhcpClient, question: Question, target: Place): { frame: Buffer; transactionId: number } {
  const transactionId = randomInt(2 ** 32);
  const { clientAddress = '', requestedAddress = '', serverAddress = '' } = question;
  const { macAddress, clientId } = client;
  const request = { type: question.type, transactionId, macAddress, clientId };
  const datagram = encodeDhcp({ ...request, clientAddress, requestedAddress, serverAddress });
  return { frame: encodeFrame({ macAddress, address: clientAddress || '0.0.0.0' }, target, datagram), transactionId };
}

/** Rejects when the interface goes away meanwhile. */
function listen(
  socket: Socket,
  { macAddress }: DhcpClient,
  transactionId: number,
  types: readonly DhcpReply['type'][],
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  // It may fail when nobody waits any more.
  promise.catch(() => {});
  socket.on('error', reject);
  socket.on('data', (frame: Buffer) => {
    const heard = decodeFrame(frame);
    const reply = heard && decodeDhcp(heard.datagram);
    if (heard === undefined || reply?.transactionId !== transactionId || reply.macAddress !== macAddress) return;
    if (types.includes(reply.type)) resolve({ reply, sourceMac: heard.sourceMac });
  });
  return promise;
}

/** Ends early, without failing, when the signal says so. */
function afterMs(delayMs: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs, undefined);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve(undefined);
      },
      { once: true },
    );
  });
}
