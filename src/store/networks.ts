import type { Store } from './store.ts';

/** A row of `networks`; config is JSON of the network room's types. */
export interface NetworkRow {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly created_at: number;
  readonly config: string;
}

/** A row of `endpoints`: one container's interface on one network. */
export interface EndpointRow {
  readonly id: string;
  readonly network_id: string;
  readonly container_id: string;
  readonly ipv4: string | null;
  readonly mac: string;
  readonly config: string;
}

export function insertNetwork(store: Store, { id, name, driver, created_at, config }: NetworkRow): void {
  store.run(
    'INSERT INTO networks (id, name, driver, created_at, config) VALUES (?, ?, ?, ?, ?)',
    id,
    name,
    driver,
    created_at,
    config,
  );
}

export const updateNetworkConfig = (store: Store, id: string, config: string): boolean =>
  store.run('UPDATE networks SET config = ? WHERE id = ?', config, id) === 1;

/** All networks, oldest first. */
export const listNetworks = (store: Store): readonly NetworkRow[] =>
  store.all<NetworkRow>('SELECT id, name, driver, created_at, config FROM networks ORDER BY created_at, rowid');

export function insertEndpoint(store: Store, row: EndpointRow): void {
  store.run(
    'INSERT INTO endpoints (id, network_id, container_id, ipv4, mac, config) VALUES (?, ?, ?, ?, ?, ?)',
    row.id,
    row.network_id,
    row.container_id,
    row.ipv4,
    row.mac,
    row.config,
  );
}

const SELECT_ENDPOINTS = 'SELECT id, network_id, container_id, ipv4, mac, config FROM endpoints';

export const listEndpoints = (store: Store): readonly EndpointRow[] =>
  store.all<EndpointRow>(`${SELECT_ENDPOINTS} ORDER BY rowid`);

export const listEndpointsOfContainer = (store: Store, containerId: string): readonly EndpointRow[] =>
  store.all<EndpointRow>(`${SELECT_ENDPOINTS} WHERE container_id = ? ORDER BY rowid`, containerId);

/** The addresses in use on a network. */
export const listAddressesOfNetwork = (store: Store, networkId: string): readonly string[] =>
  store
    .all<{ ipv4: string }>('SELECT ipv4 FROM endpoints WHERE network_id = ? AND ipv4 IS NOT NULL', networkId)
    .map(({ ipv4 }) => ipv4);

export const deleteEndpoint = (store: Store, id: string): boolean =>
  store.run('DELETE FROM endpoints WHERE id = ?', id) === 1;
