import { EngineError } from '#/base/errors.ts';
import { type ContainerId, parseContainerId } from '#/base/ids.ts';
import {
  type EndpointRow,
  findSandbox,
  listEndpoints,
  listEndpointsOfContainer,
  listEndpointsOfNetwork,
  listNetworks,
  type NetworkRow,
  type SandboxRow,
} from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import { byGatewayRule } from './gateway.ts';
import type { Endpoint, Network, NetworkDriverName, PortBinding, PublishedPort, SandboxSettings } from './network.ts';

/** The JSON of a network's row: what the other columns do not say. */
export interface NetworkConfig extends Omit<Network, 'id' | 'name' | 'driver' | 'createdAtMs' | 'bridgeName'> {
  readonly bridgeName?: string | undefined;
  /** False where the subnets were chosen from the pools: then nobody may ask for a certain address. */
  readonly subnetsGiven: boolean;
}

export interface NetworkRecord extends Network {
  readonly subnetsGiven: boolean;
}

/** The JSON of an endpoint's row: what the other columns do not say. */
export interface EndpointConfig
  extends Pick<
    Endpoint,
    'gateway' | 'ipv6PrefixLength' | 'ipv6Gateway' | 'interfaceName' | 'names' | 'gatewayPriority' | 'driverOptions'
  > {
  readonly prefixLength: number;
  /** The number in the host end's name. */
  readonly position: number;
}

/** An endpoint as its row knows it: with what its neighbours in this room need beside what the port shows. */
export interface EndpointRecord extends Endpoint {
  readonly position: number;
}

export interface SandboxRecord {
  readonly settings: SandboxSettings;
  readonly ports: SandboxPorts;
}

/** What was asked for, and what was opened for it. */
export interface SandboxPorts {
  readonly bindings: readonly PortBinding[];
  readonly published: readonly PublishedPort[];
}

/** What rows of earlier versions do not say. */
const NETWORK_DEFAULTS = {
  ipamDriver: 'default',
  ipamOptions: {},
  enableIpv4: true,
  enableIpv6: false,
  internal: false,
  attachable: false,
  ingress: false,
  labels: {},
  subnetsGiven: false,
};

export const networksOf = (store: Store): readonly NetworkRecord[] => listNetworks(store).map(networkOf);

/** The endpoint of the default gateway first. */
export const endpointsOf = (store: Store, container: string): readonly EndpointRecord[] =>
  recordsOf(store, listEndpointsOfContainer(store, container));

export const endpointsOn = (store: Store, { id, name }: Network): readonly EndpointRecord[] =>
  listEndpointsOfNetwork(store, id).map((row) => endpointOf(row, name));

export const allEndpoints = (store: Store): readonly EndpointRecord[] => recordsOf(store, listEndpoints(store));

export function findSandboxRecord(store: Store, container: ContainerId): SandboxRecord | undefined {
  const row = findSandbox(store, container);
  return row && sandboxOf(row);
}

export const sandboxOf = ({ settings, ports }: SandboxRow): SandboxRecord => ({
  settings: JSON.parse(settings) as SandboxSettings,
  ports: JSON.parse(ports) as SandboxPorts,
});

function networkOf({ id, name, driver, created_at, config }: NetworkRow): NetworkRecord {
  const stored = JSON.parse(config) as NetworkConfig;
  const { bridgeName } = stored;
  return {
    ...NETWORK_DEFAULTS,
    ...stored,
    id,
    name,
    driver: driver as NetworkDriverName,
    createdAtMs: created_at,
    bridgeName,
  };
}

/** The JSON of the network's row. */
export function configOfNetwork(network: NetworkRecord): string {
  const { id: _id, name: _name, driver: _driver, createdAtMs: _createdAtMs, ...config } = network;
  return JSON.stringify(config satisfies NetworkConfig);
}

export const rowOfNetwork = (network: NetworkRecord): NetworkRow => ({
  id: network.id,
  name: network.name,
  driver: network.driver,
  created_at: network.createdAtMs,
  config: configOfNetwork(network),
});

function recordsOf(store: Store, rows: readonly EndpointRow[]): readonly EndpointRecord[] {
  if (rows.length === 0) return [];
  const networks = new Map(networksOf(store).map((network) => [network.id, network]));
  return rows
    .map((row) => endpointOf(row, networks.get(row.network_id)?.name ?? ''))
    .sort(byGatewayRule((networkId) => networks.get(networkId)?.internal ?? false));
}

export function endpointOf(row: EndpointRow, networkName: string): EndpointRecord {
  const config = { ...legacyDefaults(row), ...(JSON.parse(row.config) as EndpointConfig) };
  return {
    endpointId: row.id,
    networkId: row.network_id,
    networkName,
    containerId: parseContainerId(row.container_id),
    macAddress: row.mac,
    ipv4Address: row.ipv4 ?? '',
    ipv4PrefixLength: config.prefixLength,
    gateway: config.gateway,
    ipv6Address: row.ipv6 ?? '',
    ipv6PrefixLength: config.ipv6PrefixLength,
    ipv6Gateway: config.ipv6Gateway,
    interfaceName: config.interfaceName,
    names: config.names,
    gatewayPriority: config.gatewayPriority,
    driverOptions: config.driverOptions,
    position: config.position,
  };
}

/** Rows of the first version knew one interface and no names. */
const legacyDefaults = ({ container_id }: EndpointRow) => ({
  ipv6PrefixLength: 0,
  ipv6Gateway: '',
  interfaceName: 'eth0',
  names: { own: [container_id.slice(0, 12)], links: {} },
  gatewayPriority: 0,
  driverOptions: {},
});

export const configOf = (endpoint: EndpointRecord): EndpointConfig => ({
  prefixLength: endpoint.ipv4PrefixLength,
  gateway: endpoint.gateway,
  ipv6PrefixLength: endpoint.ipv6PrefixLength,
  ipv6Gateway: endpoint.ipv6Gateway,
  interfaceName: endpoint.interfaceName,
  names: endpoint.names,
  gatewayPriority: endpoint.gatewayPriority,
  driverOptions: endpoint.driverOptions,
  position: endpoint.position,
});

/** By name, id or unambiguous id prefix, in that order, with Docker's texts. */
export function getNetwork<N extends Network>(networks: readonly N[], reference: string): N {
  const exact =
    networks.find(({ name }) => name === reference) ??
    networks.find(({ id }) => id === reference) ??
    // Docker's clients have always been able to say `default`.
    (reference === 'default' ? networks.find(({ name }) => name === 'bridge') : undefined);
  if (exact !== undefined) return exact;
  const matches = reference === '' ? [] : networks.filter(({ id }) => id.startsWith(reference));
  const [match] = matches;
  if (match === undefined) throw new EngineError('not-found', `network ${reference} not found`);
  if (matches.length > 1) {
    throw new EngineError(
      'invalid-argument',
      `network ${reference} is ambiguous (${matches.length} matches found based on ID prefix)`,
    );
  }
  return match;
}
