import { EngineError, errnoOf, messageOf } from '#/base/errors.ts';
import type { Logger } from '#/base/log.ts';
import { ownFd } from '#/linux/ffi.ts';
import { listenOn, reservePort } from '#/linux/reserve-port.ts';
import type { PublishedPort } from '../network.ts';
import type { RelayHandle, RelayListener, Relays, RelayTarget } from '../relay/relay.ts';
import type { Route } from './plan-binding.ts';

const RELAY_DELAY_MS = 250;

type SocketListener = Extract<RelayListener, { kind: 'tcp' | 'udp' }> & { readonly reservedFd: number };

/** A port that is reserved, and relayed where its route says so. */
export interface HeldPort {
  readonly port: PublishedPort;
  readonly route: Route;
  release(): Promise<void>;
}

export interface HoldDeps {
  readonly log: Logger;
  readonly relays: Relays;
}

/**
 * Reserves the port at once. A relay takes over the socket and starts in the background: until it is there, callers wait in
 * the kernel's queue. Throws with the errno where the port cannot be had.
 */
export function holdPort(deps: HoldDeps, port: PublishedPort, route: Route): HeldPort {
  using reserved = reservePort({ protocol: port.protocol, address: port.hostAddress, port: port.hostPort });
  if (route.relay === undefined) {
    const fd = reserved && ownFd(reserved.release());
    return { port, route, release: async () => fd?.[Symbol.dispose]() };
  }
  if (reserved === undefined || port.protocol === 'sctp') return unheldPort(port, route);
  if (port.protocol === 'tcp') listenOn(reserved.fd);
  const { protocol, hostAddress, hostPort } = port;
  const listener = { kind: protocol, hostAddress, hostPort, reservedFd: reserved.release() };
  const relay = hostAddress === '::' ? relaySoon : relayNow;
  return { port, route, release: relay(deps, listener, route.relay) };
}

type Release = HeldPort['release'];

function relayNow(deps: HoldDeps, listener: SocketListener, target: RelayTarget): Release {
  const relay = startRelay(deps, listener, target);
  return async () => (await relay)?.close();
}

/** At `::` few callers need the relay. They wait a moment, and a container that is soon gone costs no thread. */
function relaySoon(deps: HoldDeps, listener: SocketListener, target: RelayTarget): Release {
  let release: Release = async () => ownFd(listener.reservedFd)[Symbol.dispose]();
  const timer = setTimeout(() => {
    release = relayNow(deps, listener, target);
  }, RELAY_DELAY_MS).unref();
  return () => {
    clearTimeout(timer);
    return release();
  };
}

/** A unix socket cannot be reserved: it is there, or an error, when this resolves. */
export async function holdUnixSocket(deps: HoldDeps, port: PublishedPort, route: Route): Promise<HeldPort> {
  if (route.relay === undefined) throw new EngineError('internal', `no relay for ${port.hostAddress}`);
  const relay = await deps.relays.listen({ kind: 'unix', path: port.hostAddress }, route.relay);
  return { port, route, release: () => relay.close() };
}

async function startRelay(
  { log, relays }: HoldDeps,
  listener: SocketListener,
  target: RelayTarget,
): Promise<RelayHandle | undefined> {
  try {
    return await relays.listen(listener, target);
  } catch (err) {
    log.warn({ err, listener }, 'cannot relay a published port');
    return undefined;
  }
}

/** A port of an engine before this one that cannot be reserved again. */
export const unheldPort = (port: PublishedPort, route: Route): HeldPort => ({ port, route, release: async () => {} });

/** Why a port could not be bound, in the words of Docker, which has them from Go. */
export function bindError(error: unknown, port: PublishedPort, containerAddress: string): EngineError {
  const { hostAddress, hostPort, containerPort, protocol } = port;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'address already in use',
    EADDRNOTAVAIL: 'cannot assign requested address',
    EACCES: 'permission denied',
  };
  const errno = errnoOf(error) ?? '';
  const reason = reasons[errno] ?? messageOf(error);
  return new EngineError(
    'conflict',
    `failed to bind host port for ${hostAddress}:${hostPort}:${containerAddress}:${containerPort}/${protocol}: ${reason}`,
    { errno, cause: error },
  );
}
