import { EngineError, errnoOf } from '#/base/errors.ts';
import type { PortBinding, PublishedPort } from '../network.ts';
import type { BindingAddress } from './plan-binding.ts';

export interface ClaimDeps<Held> {
  /** Reserves one port. Throws conflict, with the errno where a stranger has it. */
  readonly hold: (port: PublishedPort) => Held;
  readonly giveBack: (held: Held) => void;
  /** Numbers to try, in this order, where any will do; at most one round of all. */
  readonly freeNumbers: () => Iterable<number>;
}

/** Failures that mean that this host cannot have such an address at all. */
const IMPOSSIBLE = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']);

/** One number at all of the addresses: the asked one, or the first of those allowed that is free. All or nothing. */
export function claimPort<Held>(
  { hold, giveBack, freeNumbers }: ClaimDeps<Held>,
  binding: PortBinding,
  addresses: readonly BindingAddress[],
): readonly Held[] {
  let failure: unknown;
  for (const hostPort of binding.hostPort === 0 ? freeNumbers() : numbersOf(binding)) {
    const held: Held[] = [];
    try {
      for (const address of addresses) held.push(...holdAt(hold, binding, address, hostPort));
      return held;
    } catch (error) {
      for (const one of held) giveBack(one);
      if (!isTaken(error)) throw error;
      failure = error;
    }
  }
  if (binding.hostPort === 0) throw new EngineError('conflict', 'all ports are allocated', { cause: failure });
  throw failure;
}

export function* numbersOf({ hostPort, hostPortEnd }: PortBinding): Generator<number> {
  for (let number = hostPort; number <= Math.max(hostPort, hostPortEnd); number++) yield number;
}

function holdAt<Held>(
  hold: (port: PublishedPort) => Held,
  { protocol, containerPort }: PortBinding,
  { address, implied }: BindingAddress,
  hostPort: number,
): readonly Held[] {
  try {
    return [hold({ protocol, containerPort, hostAddress: address, hostPort })];
  } catch (error) {
    const impossible = IMPOSSIBLE.has(errnoOf(error) ?? '') || (error as EngineError).kind === 'not-implemented';
    if (implied && impossible) return [];
    throw error;
  }
}

/** By us, which has no errno, or by a stranger. */
const isTaken = (error: unknown): boolean =>
  error instanceof EngineError &&
  error.kind === 'conflict' &&
  (error.errno === undefined || error.errno === 'EADDRINUSE' || error.errno === '');
