import { isDeepStrictEqual } from 'node:util';
import type { PortBinding, PublishedPort } from '../network.ts';
import { numbersOf } from './claim-ports.ts';
import type { HeldPort } from './hold-port.ts';
import { addressesOf, planRoute, type Route } from './plan-binding.ts';
import type { PortTarget, PublishMode } from './ports.ts';

/** A port that is held already, and what it is from now on. */
export interface KeptPort {
  readonly held: HeldPort;
  readonly port: PublishedPort;
  readonly route: Route;
  /** Whether its relay leads elsewhere now, so that it must start anew. */
  readonly relayMoves: boolean;
}

export interface PortMatch {
  readonly kept: readonly KeptPort[];
  /** Bindings for which nothing is held. */
  readonly missing: readonly PortBinding[];
}

/** Which bindings are served by what is held: with the same number, and with any where they ask for none. */
export function matchPorts(
  before: readonly HeldPort[],
  bindings: readonly PortBinding[],
  target: PortTarget,
  mode: PublishMode,
): PortMatch {
  const free = new Set(before);
  const kept: KeptPort[] = [];
  const missing: PortBinding[] = [];
  // Those that want a certain number choose first.
  for (const binding of bindings.toSorted((a, b) => Number(a.hostPort === 0) - Number(b.hostPort === 0))) {
    const group = groupFor(binding, [...free], target);
    if (group.length === 0) missing.push(binding);
    for (const held of group) {
      free.delete(held);
      const port = { ...held.port, containerPort: binding.containerPort };
      const route = planRoute(port, target, mode);
      kept.push({ held, port, route, relayMoves: !isDeepStrictEqual(route.relay, held.route.relay) });
    }
  }
  return { kept, missing };
}

/** What is held at the binding's addresses with one number. A port for which any number does leads where it always led. */
function groupFor(binding: PortBinding, free: readonly HeldPort[], target: PortTarget): readonly HeldPort[] {
  const addresses = new Set(addressesOf(binding, target).map(({ address }) => address));
  const numbers = new Set(numbersOf(binding));
  const fitting = free.filter(
    ({ port }) =>
      port.protocol === binding.protocol &&
      addresses.has(port.hostAddress) &&
      (binding.hostPort === 0 ? port.containerPort === binding.containerPort : numbers.has(port.hostPort)),
  );
  const first = fitting.find(({ port }) => port.containerPort === binding.containerPort) ?? fitting[0];
  return fitting.filter(({ port }) => port.hostPort === first?.port.hostPort);
}
