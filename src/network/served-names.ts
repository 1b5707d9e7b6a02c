import type { Store } from '#/store/store.ts';
import type { NamedNetwork, NameServer } from './dns/name-server.ts';
import type { Network } from './network.ts';
import { endpointsOn, networksOf } from './records.ts';

/** Inside containers, names are served on networks that users made. */
export const servesNames = ({ name }: Network): boolean => name !== 'bridge';

/** Each change tells everybody who is on the network, so of many in a row all but the first are told together. */
const TOGETHER_MS = 2;

interface Pause {
  readonly timer: NodeJS.Timeout;
  /** Those who wait for its end, because something changed meanwhile. */
  readonly waiting: (() => void)[];
}

/** Keeps the name server informed of who is on which network. */
export class NameTeller implements Disposable {
  readonly #store: Store;
  readonly #names: NameServer;
  /** By id: networks that were told a moment ago. */
  readonly #pauses = new Map<string, Pause>();
  #isDisposed = false;

  constructor(store: Store, names: NameServer) {
    this.#store = store;
    this.#names = names;
  }

  /** Somebody came, left or is called something else: told when this resolves. Does nothing once disposed. */
  async tell(network: Network): Promise<void> {
    if (this.#isDisposed) return;
    const pause = this.#pauses.get(network.id);
    if (pause !== undefined) return await new Promise((resolve) => void pause.waiting.push(resolve));
    this.#names.setEndpoints(network.id, namedNetwork(this.#store, network));
    const timer = setTimeout(() => this.#endPause(network.id), TOGETHER_MS);
    this.#pauses.set(network.id, { timer, waiting: [] });
  }

  forget({ id }: Network): void {
    this.#endPause(id);
    this.#names.setEndpoints(id, undefined);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const { timer, waiting } of this.#pauses.values()) {
      clearTimeout(timer);
      for (const resolve of waiting) resolve();
    }
    this.#pauses.clear();
  }

  #endPause(id: string): void {
    const pause = this.#pauses.get(id);
    clearTimeout(pause?.timer);
    this.#pauses.delete(id);
    if (pause === undefined || pause.waiting.length === 0) return;
    const network = networksOf(this.#store).find((other) => other.id === id);
    if (network !== undefined) void this.tell(network);
    for (const resolve of pause.waiting) resolve();
  }
}

function namedNetwork(store: Store, network: Network): NamedNetwork {
  // Only a bridge is the host itself.
  const gateways = network.bridgeName === undefined ? [] : network.ipam.map(({ gateway }) => gateway).filter(Boolean);
  return {
    name: network.name,
    internal: network.internal,
    servesNames: servesNames(network),
    endpoints: endpointsOn(store, network).map((endpoint) => ({
      containerId: endpoint.containerId,
      names: endpoint.names.own,
      links: endpoint.names.links,
      ipv4Address: endpoint.ipv4Address,
      ipv6Address: endpoint.ipv6Address,
      gateways,
      gatewayPriority: endpoint.gatewayPriority,
    })),
  };
}
