import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { type ContainerId, newNetworkId } from '#/base/ids.ts';
import { parseIpv4, parseIpv4Block, printIpv4 } from '#/base/ipv4.ts';
import { deleteEndpoint, insertEndpoint, listAddressesOfNetwork } from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import { allocateAddress, macOfAddress, parseMacAddress } from './ipam.ts';
import type { ConnectRequest, Network } from './network.ts';
import { type EndpointConfig, type EndpointRecord, endpointOf, endpointsOf } from './records.ts';

/** A namespace that was dropped answers for its address until the kernel has taken it down, some 50 ms later. */
const RESTING_MS = 2000;

interface Resting {
  readonly networkId: string;
  readonly address: number;
  readonly containerId: string;
  readonly untilMs: number;
}

/** Endpoint rows: claimed and released in one transaction each. */
export class Claims {
  readonly #store: Store;
  readonly #clock: Clock;
  #resting: Resting[] = [];

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Takes an address for the container and writes its endpoint's row. */
  claim(container: ContainerId, network: Network, request: ConnectRequest): EndpointRecord {
    return this.#inTransaction(() => {
      const address = this.#allocate(container, network, request);
      const [pool] = network.ipam;
      const config: EndpointConfig = {
        prefixLength: pool === undefined ? 0 : parseIpv4Block(pool.subnet).prefixLength,
        gateway: pool?.gateway ?? '',
        position: freePosition(endpointsOf(this.#store, container)),
      };
      const row = {
        id: newNetworkId(),
        network_id: network.id,
        container_id: container,
        ipv4: printIpv4(address),
        mac: request.macAddress === undefined ? macOfAddress(address) : parseMacAddress(request.macAddress),
        config: JSON.stringify(config),
      };
      insertEndpoint(this.#store, row);
      return endpointOf(row, network.name);
    });
  }

  /** Gives up all the endpoints' rows. */
  release(endpoints: readonly EndpointRecord[]): void {
    this.#inTransaction(() => {
      for (const { endpointId } of endpoints) deleteEndpoint(this.#store, endpointId);
    });
    const untilMs = this.#clock.now() + RESTING_MS;
    for (const { networkId, containerId, ipv4Address } of endpoints) {
      this.#resting.push({ networkId, containerId, address: parseIpv4(ipv4Address), untilMs });
    }
    this.#wake();
  }

  /** Sandboxes do not outlive a power failure, so neither need their rows. */
  #inTransaction<T>(body: () => T): T {
    return this.#store.unsynced(() => this.#store.transaction(body));
  }

  #allocate(container: ContainerId, network: Network, request: ConnectRequest): number {
    const [pool] = network.ipam;
    if (pool === undefined) throw new EngineError('internal', `network ${network.name} has no subnet`);
    this.#wake();
    // The same container's old interface has the new one's name, so it is gone before the new one comes.
    const resting = this.#resting.filter(
      ({ networkId, containerId }) => networkId === network.id && containerId !== container,
    );
    return allocateAddress({
      networkName: `${network.name} (${network.id})`,
      subnet: parseIpv4Block(pool.subnet),
      gateway: parseIpv4(pool.gateway),
      used: new Set(listAddressesOfNetwork(this.#store, network.id).map(parseIpv4)),
      resting: new Set(resting.map(({ address }) => address)),
      wanted: request.ipv4Address === undefined ? undefined : parseIpv4(request.ipv4Address),
    });
  }

  #wake(): void {
    const now = this.#clock.now();
    this.#resting = this.#resting.filter(({ untilMs }) => untilMs > now);
  }
}

function freePosition(endpoints: readonly EndpointRecord[]): number {
  const taken = new Set(endpoints.map(({ position }) => position));
  let position = 0;
  while (taken.has(position)) position++;
  return position;
}
