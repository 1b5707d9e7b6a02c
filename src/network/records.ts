import { EngineError } from '#/base/errors.ts';
import {
  type EndpointRow,
  listEndpoints,
  listEndpointsOfContainer,
  listNetworks,
  type NetworkRow,
} from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import type { Endpoint, Network } from './network.ts';

/** The JSON of a network's row. */
export interface NetworkConfig {
  readonly bridgeName?: string;
  readonly ipam: Network['ipam'];
  readonly options: Network['options'];
}

/** The JSON of an endpoint's row: what the other columns do not say. */
export interface EndpointConfig {
  readonly prefixLength: number;
  readonly gateway: string;
  /** The n of `ethN`, which is part of the host end's name too. */
  readonly position: number;
}

/** An endpoint as its row knows it: with what its neighbours in this room need beside what the port shows. */
export interface EndpointRecord extends Endpoint {
  readonly containerId: string;
  readonly position: number;
}

export const networksOf = (store: Store): readonly Network[] => listNetworks(store).map(networkOf);

export const endpointsOf = (store: Store, containerId: string): readonly EndpointRecord[] =>
  recordsOf(store, listEndpointsOfContainer(store, containerId));

export const allEndpoints = (store: Store): readonly EndpointRecord[] => recordsOf(store, listEndpoints(store));

function networkOf({ id, name, driver, created_at, config }: NetworkRow): Network {
  const { bridgeName, ipam, options } = JSON.parse(config) as NetworkConfig;
  return { id, name, driver: driver as Network['driver'], createdAtMs: created_at, bridgeName, ipam, options };
}

function recordsOf(store: Store, rows: readonly EndpointRow[]): readonly EndpointRecord[] {
  if (rows.length === 0) return [];
  const names = new Map(listNetworks(store).map(({ id, name }) => [id, name]));
  return rows.map((row) => endpointOf(row, names.get(row.network_id) ?? ''));
}

export function endpointOf(row: EndpointRow, networkName: string): EndpointRecord {
  const { prefixLength, gateway, position } = JSON.parse(row.config) as EndpointConfig;
  return {
    endpointId: row.id,
    networkId: row.network_id,
    networkName,
    containerId: row.container_id,
    macAddress: row.mac,
    ipv4Address: row.ipv4 ?? '',
    ipv4PrefixLength: prefixLength,
    gateway,
    interfaceName: `eth${position}`,
    position,
  };
}

/** By name, id or unambiguous id prefix, in that order, with Docker's texts. */
export function getNetwork(networks: readonly Network[], reference: string): Network {
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
