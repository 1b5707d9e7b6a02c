import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { type ContainerId, newNetworkId } from '#/base/ids.ts';
import { type IpVersion, parseIpBlock } from '#/base/ip.ts';
import {
  deleteEndpoint,
  insertEndpoint,
  listAddressesOfNetwork,
  updateEndpointAddress,
  updateEndpointConfig,
} from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import { ENDPOINTS_MAX } from './host-interface.ts';
import { chooseInterfaceName } from './interface-names.ts';
import { allocateAddress, type ChosenAddress, macOfAddress, parseMacAddress, randomMacAddress } from './ipam.ts';
import type { ConnectRequest, EndpointNames, Network } from './network.ts';
import {
  configOf,
  type EndpointConfig,
  type EndpointRecord,
  endpointOf,
  endpointsOf,
  type NetworkRecord,
} from './records.ts';

/** A namespace that was dropped answers for its address until the kernel has taken it down, some 50 ms later. */
const RESTING_MS = 2000;

interface Resting {
  readonly networkId: string;
  readonly address: string;
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

  /** Takes addresses and an interface name for the container and writes its endpoint's row. */
  claim(container: ContainerId, network: NetworkRecord, request: ConnectRequest): EndpointRecord {
    checkWanted(network, request);
    return this.#inTransaction(() => {
      const present = endpointsOf(this.#store, container);
      const ipv4 = this.#allocate(container, network, 4, request.ipv4Address);
      const ipv6 = this.#allocate(container, network, 6, request.ipv6Address);
      const config: EndpointConfig = {
        ...addressConfig(network, ipv4, ipv6),
        interfaceName: chooseInterfaceName(network, request, present),
        names: request.names,
        gatewayPriority: request.gatewayPriority ?? 0,
        driverOptions: request.driverOptions ?? {},
        position: freePosition(present),
      };
      const row = {
        id: newNetworkId(),
        network_id: network.id,
        container_id: container,
        ipv4: ipv4?.address ?? null,
        ipv6: ipv6?.address ?? null,
        mac: chooseMac(request, ipv4),
        config: JSON.stringify(config),
      };
      insertEndpoint(this.#store, row);
      return endpointOf(row, network.name);
    });
  }

  rename(endpoint: EndpointRecord, names: EndpointNames): void {
    const config: EndpointConfig = { ...configOf(endpoint), names };
    this.#inTransaction(() => updateEndpointConfig(this.#store, endpoint.endpointId, JSON.stringify(config)));
  }

  /** Writes which IPv4 address the network's own server lends to the endpoint now; undefined for none. */
  lend(
    endpoint: EndpointRecord,
    lease: { readonly address: string; readonly prefixLength: number; readonly gateway: string } | undefined,
  ): void {
    const { address, prefixLength, gateway } = lease ?? { address: null, prefixLength: 0, gateway: '' };
    const config: EndpointConfig = { ...configOf(endpoint), prefixLength, gateway };
    this.#inTransaction(() => updateEndpointAddress(this.#store, endpoint.endpointId, address, JSON.stringify(config)));
  }

  /** Gives up all the endpoints' rows, and whatever `also` writes in the same transaction. */
  release(endpoints: readonly EndpointRecord[], also: () => void = () => {}): void {
    this.#inTransaction(() => {
      for (const { endpointId } of endpoints) deleteEndpoint(this.#store, endpointId);
      also();
    });
    const untilMs = this.#clock.now() + RESTING_MS;
    for (const { networkId, containerId, ipv4Address, ipv6Address } of endpoints) {
      for (const address of [ipv4Address, ipv6Address].filter(Boolean)) {
        this.#resting.push({ networkId, containerId, address, untilMs });
      }
    }
    this.#wake();
  }

  /** Sandboxes do not outlive a power failure, so neither need their rows. */
  #inTransaction<T>(body: () => T): T {
    return this.#store.unsynced(() => this.#store.transaction(body));
  }

  #allocate(
    container: ContainerId,
    network: Network,
    version: IpVersion,
    wanted: string | undefined,
  ): ChosenAddress | undefined {
    const pools = network.ipam.filter(({ subnet }) => parseIpBlock(subnet).version === version);
    if (pools.length === 0) return undefined;
    this.#wake();
    // The same container's old interface has the new one's name, so it is gone before the new one comes.
    const resting = this.#resting.filter(
      ({ networkId, containerId }) => networkId === network.id && containerId !== container,
    );
    return allocateAddress({
      networkName: `${network.name} (${network.id})`,
      version,
      pools,
      used: new Set(listAddressesOfNetwork(this.#store, network.id)),
      resting: new Set(resting.map(({ address }) => address)),
      wanted,
    });
  }

  #wake(): void {
    const now = this.#clock.now();
    this.#resting = this.#resting.filter(({ untilMs }) => untilMs > now);
  }
}

/** Which addresses may be asked for: those of subnets that somebody chose himself. */
function checkWanted(network: NetworkRecord, { ipv4Address, ipv6Address }: ConnectRequest): void {
  const wanted = ipv4Address ?? ipv6Address;
  if (wanted === undefined) return;
  const refuse = (text: string) => new EngineError('invalid-argument', text);
  if (network.name === 'bridge') throw refuse('user specified IP address is supported on user defined networks only');
  if (!network.subnetsGiven && network.ipam.length > 0) {
    throw refuse(
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    );
  }
  for (const [address, version] of [
    [ipv4Address, 4],
    [ipv6Address, 6],
  ] as const) {
    const hasPool =
      network.ipam.length === 0 || network.ipam.some(({ subnet }) => parseIpBlock(subnet).version === version);
    if (address !== undefined && !hasPool) {
      throw refuse(`no configured subnet or ip-range contain the IP address ${address}`);
    }
  }
}

/** An internal network has a gateway on the host, but no container is led there. */
const addressConfig = (
  { internal }: Network,
  ipv4: ChosenAddress | undefined,
  ipv6: ChosenAddress | undefined,
): Pick<EndpointConfig, 'prefixLength' | 'gateway' | 'ipv6PrefixLength' | 'ipv6Gateway'> => ({
  prefixLength: ipv4 === undefined ? 0 : parseIpBlock(ipv4.pool.subnet).prefixLength,
  gateway: internal ? '' : (ipv4?.pool.gateway ?? ''),
  ipv6PrefixLength: ipv6 === undefined ? 0 : parseIpBlock(ipv6.pool.subnet).prefixLength,
  ipv6Gateway: internal ? '' : (ipv6?.pool.gateway ?? ''),
});

function chooseMac({ macAddress }: ConnectRequest, ipv4: ChosenAddress | undefined): string {
  if (macAddress !== undefined) return parseMacAddress(macAddress);
  return ipv4 === undefined ? randomMacAddress() : macOfAddress(ipv4.address);
}

function freePosition(endpoints: readonly EndpointRecord[]): number {
  if (endpoints.length >= ENDPOINTS_MAX) {
    throw new EngineError('resource-exhausted', `a container can be on ${ENDPOINTS_MAX} networks at once, no more`);
  }
  const taken = new Set(endpoints.map(({ position }) => position));
  let position = 0;
  while (taken.has(position)) position++;
  return position;
}
