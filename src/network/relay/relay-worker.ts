import { parentPort, workerData } from 'node:worker_threads';
import { EngineError, errnoOf, messageOf, toEngineError } from '#/base/errors.ts';
import { plainErrorOf } from '#/base/plain-error.ts';
import { openDatagramRelay } from './datagram-relay.ts';
import { openGates } from './gate.ts';
import type { RelayListener, RelayTarget } from './relay.ts';
import type { RelayAnswer, RelayFault, RelayRequest, RelayWorkerData } from './relay-protocol.ts';
import { type OpenRelay, openStreamRelay } from './stream-relay.ts';
import { stageUnixPath } from './unix-path.ts';

// The entry point of the thread that relays.
const { limits } = workerData as RelayWorkerData;
const newGate = openGates(limits);
const relays = new Map<number, OpenRelay>();

parentPort?.on('message', async (request: RelayRequest) => {
  const { id } = request;
  try {
    answer(await carryOut(request));
  } catch (error) {
    answer({ type: 'failed', id, error: plainErrorOf(error, 'relay') });
  }
});

// One connection's failure ends no other's.
process.on('uncaughtException', (error) => answer({ type: 'fault', message: messageOf(error) }));

const answer = (message: RelayAnswer | RelayFault): void => parentPort?.postMessage(message);

async function carryOut(request: RelayRequest): Promise<RelayAnswer> {
  const { id } = request;
  if (request.type === 'close') {
    await relays.get(id)?.close();
    relays.delete(id);
    return { type: 'closed', id };
  }
  const relay = await listen(request.listener, request.target);
  relays.set(id, relay);
  return { type: 'listening', id, hostPort: relay.hostPort };
}

async function listen(listener: RelayListener, target: RelayTarget): Promise<OpenRelay> {
  if (listener.kind === 'unix') return listenOnPath(listener.path, listener.mode, target);
  const { kind, hostAddress, hostPort, reservedFd } = listener;
  try {
    if (kind === 'udp') return await openDatagramRelay(listener, target, newGate(), limits.udpIdleMs);
    const options =
      reservedFd === undefined ? { host: hostAddress, port: hostPort, ipv6Only: true } : { fd: reservedFd };
    return await openStreamRelay(options, target, newGate());
  } catch (error) {
    throw listenFailure(error, `listen on ${hostAddress} port ${hostPort}/${kind}`);
  }
}

async function listenOnPath(path: string, mode: number | undefined, target: RelayTarget): Promise<OpenRelay> {
  const staged = await stageUnixPath(path, mode);
  let relay: OpenRelay | undefined;
  try {
    relay = await openStreamRelay({ path: staged.path }, target, newGate());
    staged.publish();
  } catch (error) {
    await relay?.close();
    staged.remove();
    throw toEngineError(error, `listen on the unix socket ${path}`);
  }
  const { hostPort, close } = relay;
  return {
    hostPort,
    async close() {
      await close();
      staged.remove();
    },
  };
}

function listenFailure(error: unknown, attempted: string): EngineError {
  if (errnoOf(error) !== 'EADDRINUSE') return toEngineError(error, attempted);
  return new EngineError('conflict', `${attempted}: address already in use`, { errno: 'EADDRINUSE', cause: error });
}
