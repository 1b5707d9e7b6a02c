import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import { forgetUdpFlows } from '#/linux/conntrack.ts';
import { findSysctl } from '#/linux/sysctl.ts';
import type { Firewall } from '../firewall.ts';
import type { PortForward } from '../firewall-elements.ts';
import type { PortBinding, PublishedPort } from '../network.ts';
import type { Relays } from '../relay/relay.ts';
import { claimPort } from './claim-ports.ts';
import { bindError, type HeldPort, holdPort, holdUnixSocket, unheldPort } from './hold-port.ts';
import { type KeptPort, matchPorts } from './match-ports.ts';
import { addressesOf, isUnixPath, planRoute, printHostAddress } from './plan-binding.ts';
import type { Ports, PortTarget, PublishMode } from './ports.ts';

export interface PortsOptions {
  readonly log: Logger;
  readonly firewall: Pick<Firewall, 'setForwards'>;
  readonly relays: Relays;
  /** `open` by default. */
  readonly mode?: PublishMode;
}

export const openPorts = (options: PortsOptions): Ports => new HostPorts(options);

/** Linux's own, where the setting cannot be read. */
const DEFAULT_EPHEMERAL_RANGE = '32768 60999';

class HostPorts implements Ports {
  readonly #options: PortsOptions;
  readonly #mode: PublishMode;
  readonly #held = new Map<ContainerId, readonly HeldPort[]>();
  readonly #locks = new KeyedMutex<ContainerId>();
  #lastEphemeral = 0;

  constructor(options: PortsOptions) {
    this.#options = options;
    this.#mode = options.mode ?? 'open';
  }

  publish(
    container: ContainerId,
    bindings: readonly PortBinding[],
    target: PortTarget,
  ): Promise<readonly PublishedPort[]> {
    return this.#locks.run(container, async () => {
      const before = this.#held.get(container) ?? [];
      const allowed = bindings.filter(({ hostAddress }) => !target.internal || isUnixPath(hostAddress));
      const { kept, missing } = matchPorts(before, allowed, target, this.#mode);
      const claimed = await this.#claimAll(container, missing, target);
      const keptHeld = new Set(kept.map(({ held }) => held));
      try {
        await this.#lead(container, [...kept, ...claimed]);
        await forgetMovedFlows(before, [...kept, ...claimed]);
      } catch (error) {
        this.#note(container, before);
        await releaseAll(claimed);
        throw error;
      }
      await releaseAll(before.filter((held) => !keptHeld.has(held)));
      const current = [...(await Promise.all(kept.map((one) => this.#keep(one, target)))), ...claimed];
      this.#note(container, current);
      return current.map(({ port }) => port);
    });
  }

  restore(container: ContainerId, ports: readonly PublishedPort[], target: PortTarget): Promise<void> {
    return this.#locks.run(container, async () => {
      const held = await Promise.all(ports.map((port) => this.#reclaim(port, target)));
      this.#note(container, held);
      await this.#lead(container, held);
    });
  }

  release(container: ContainerId): Promise<void> {
    return this.#locks.run(container, async () => {
      const held = this.#held.get(container) ?? [];
      // First the rules: nobody else may get a port whose callers we still take.
      await this.#options.firewall.setForwards(container, []);
      await forgetMovedFlows(held, []);
      this.#held.delete(container);
      await releaseAll(held);
    });
  }

  portsOf(container: ContainerId): readonly PublishedPort[] {
    return (this.#held.get(container) ?? []).map(({ port }) => port);
  }

  async close(): Promise<void> {
    const held = [...this.#held.values()].flat();
    this.#held.clear();
    await releaseAll(held);
  }

  /** All or nothing. What is claimed is noted at once, so that nobody else claims it meanwhile. */
  async #claimAll(
    container: ContainerId,
    bindings: readonly PortBinding[],
    target: PortTarget,
  ): Promise<readonly HeldPort[]> {
    const before = this.#held.get(container) ?? [];
    const claimed: HeldPort[] = [];
    try {
      for (const binding of bindings) {
        if (isUnixPath(binding.hostAddress)) claimed.push(await this.#claimUnixSocket(binding, target));
        else claimed.push(...this.#claim(binding, target));
        this.#note(container, [...before, ...claimed]);
      }
      return claimed;
    } catch (error) {
      this.#note(container, before);
      await releaseAll(claimed);
      throw error;
    }
  }

  #claim(binding: PortBinding, target: PortTarget): readonly HeldPort[] {
    const hold = (port: PublishedPort) => {
      this.#checkFree(port);
      return this.#hold(port, target);
    };
    const giveBack = (held: HeldPort) => void held.release();
    const held = claimPort(
      { hold, giveBack, freeNumbers: () => this.#ephemeralNumbers() },
      binding,
      addressesOf(binding, target),
    );
    if (binding.hostPort === 0) this.#lastEphemeral = held[0]?.port.hostPort ?? 0;
    return held;
  }

  #hold(port: PublishedPort, target: PortTarget): HeldPort {
    const route = planRoute(port, target, this.#mode);
    try {
      return holdPort(this.#options, port, route);
    } catch (error) {
      const { containerAddress } = route.forward ?? { containerAddress: route.relay?.address ?? '' };
      throw bindError(error, port, containerAddress);
    }
  }

  async #claimUnixSocket({ protocol, containerPort, hostAddress }: PortBinding, target: PortTarget): Promise<HeldPort> {
    const port = { protocol, containerPort, hostAddress, hostPort: 0 };
    this.#checkFree(port);
    return await holdUnixSocket(this.#options, port, planRoute(port, target, this.#mode));
  }

  /** Throws conflict where one of ours has it, be it without a socket. */
  #checkFree(port: PublishedPort): void {
    const others = [...this.#held.values()].flat();
    if (!others.some((held) => overlaps(held.port, port))) return;
    const place = isUnixPath(port.hostAddress)
      ? port.hostAddress
      : `${printHostAddress(port.hostAddress)}:${port.hostPort}`;
    throw new EngineError('conflict', `Bind for ${place} failed: port is already allocated`);
  }

  /** One round through the host's range, from where the last one ended. */
  *#ephemeralNumbers(): Generator<number> {
    const range = findSysctl('net/ipv4/ip_local_port_range') ?? DEFAULT_EPHEMERAL_RANGE;
    const [first = 0, last = 0] = range.split(/\s+/).map(Number);
    const count = last - first + 1;
    const start = this.#lastEphemeral < first || this.#lastEphemeral >= last ? 0 : this.#lastEphemeral - first + 1;
    for (let step = 0; step < count; step++) yield first + ((start + step) % count);
  }

  async #keep({ held, port, route, relayMoves }: KeptPort, target: PortTarget): Promise<HeldPort> {
    if (!relayMoves) return { ...held, port, route };
    await held.release();
    return await this.#reclaim(port, target);
  }

  async #reclaim(port: PublishedPort, target: PortTarget): Promise<HeldPort> {
    const route = planRoute(port, target, this.#mode);
    try {
      return isUnixPath(port.hostAddress)
        ? await holdUnixSocket(this.#options, port, route)
        : holdPort(this.#options, port, route);
    } catch (err) {
      this.#options.log.warn({ err, ...port }, 'a published port was taken by somebody else');
      return unheldPort(port, route);
    }
  }

  async #lead(container: ContainerId, ports: readonly Pick<HeldPort, 'route'>[]): Promise<void> {
    await this.#options.firewall.setForwards(
      container,
      ports.flatMap(({ route }) => route.forward ?? []),
    );
  }

  #note(container: ContainerId, held: readonly HeldPort[]): void {
    if (held.length === 0) this.#held.delete(container);
    else this.#held.set(container, held);
  }
}

/** Of ports that lead elsewhere now than before, or no longer. */
async function forgetMovedFlows(
  before: readonly Pick<HeldPort, 'route'>[],
  after: readonly Pick<HeldPort, 'route'>[],
): Promise<void> {
  const udp = (list: readonly Pick<HeldPort, 'route'>[]) =>
    list.flatMap(({ route: { forward } }) => (forward?.protocol === 'udp' ? forward : []));
  const places = (list: readonly PortForward[]) =>
    new Set(list.map((forward) => JSON.stringify(Object.entries(forward).sort())));
  const [old, current] = [udp(before), udp(after)];
  const moved = places(old).symmetricDifference(places(current));
  if (moved.size > 0) await forgetUdpFlows([...old, ...current].map(({ hostPort }) => hostPort));
}

async function releaseAll(held: readonly HeldPort[]): Promise<void> {
  await Promise.all(held.map((one) => one.release()));
}

/** One number of one protocol at addresses of which one contains the other. */
function overlaps(a: PublishedPort, b: PublishedPort): boolean {
  if (a.hostAddress === b.hostAddress && isUnixPath(a.hostAddress)) return true;
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort || isUnixPath(a.hostAddress)) return false;
  if (a.hostAddress.includes(':') !== b.hostAddress.includes(':')) return false;
  return (
    [a.hostAddress, b.hostAddress].some((address) => address === '0.0.0.0' || address === '::') ||
    a.hostAddress === b.hostAddress
  );
}
