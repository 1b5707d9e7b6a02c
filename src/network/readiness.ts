import { EngineError } from '#/base/errors.ts';
import { ensureIpv4Forwarding, ensureIpv6Forwarding } from '#/linux/forwarding.ts';
import type { NetworkDriver } from './driver.ts';
import type { Firewall } from './firewall.ts';
import type { Network, NetworkDriverName } from './network.ts';

/** What the host was prepared for already, so that a start has nothing to look at. */
export class Readiness {
  readonly #firewall: Firewall;
  readonly #drivers: Readonly<Partial<Record<NetworkDriverName, NetworkDriver>>>;
  readonly #networks = new Map<string, Promise<void>>();
  #host: Promise<void> | undefined;

  constructor(firewall: Firewall, drivers: Readonly<Partial<Record<NetworkDriverName, NetworkDriver>>>) {
    this.#firewall = firewall;
    this.#drivers = drivers;
  }

  /** Forwarding, firewall, and what the network's driver needs; at once where it was done before. A failure is tried again. */
  async prepare(network: Network): Promise<void> {
    // Others switch it off, and reading it costs microseconds.
    ensureIpv4Forwarding();
    if (network.enableIpv6) ensureIpv6Forwarding();
    await this.#prepareHost();
    let prepared = this.#networks.get(network.id);
    if (prepared === undefined) {
      prepared = driverOf(this.#drivers, network).ensure(network);
      this.#networks.set(network.id, prepared);
      prepared.catch(() => this.forget(network.id));
    }
    await prepared;
  }

  /** Nothing is taken for granted any more, of one network or of all and the host. */
  forget(networkId?: string): void {
    if (networkId !== undefined) {
      this.#networks.delete(networkId);
      return;
    }
    this.#networks.clear();
    this.#host = undefined;
  }

  #prepareHost(): Promise<void> {
    if (this.#host === undefined) {
      // Before any container can send: rules first.
      this.#host = this.#firewall.install();
      this.#host.catch(() => {
        this.#host = undefined;
      });
    }
    return this.#host;
  }
}

/** Throws, with Docker's words, for networks that are nothing to connect to. */
export function driverOf(
  drivers: Readonly<Partial<Record<NetworkDriverName, NetworkDriver>>>,
  { name, driver }: Network,
): NetworkDriver {
  const found = drivers[driver];
  if (found !== undefined) return found;
  throw new EngineError(
    'invalid-argument',
    driver === 'host'
      ? 'container cannot be disconnected from host network or connected to host network'
      : `container cannot be connected to network ${name}, whose driver is ${driver}`,
  );
}
