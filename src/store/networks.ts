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
  readonly ipv6: string | null;
  readonly mac: string;
  readonly config: string;
}

/** A row of `sandboxes`: how a container's namespace is served, and the ports that lead there. */
export interface SandboxRow {
  readonly container_id: string;
  readonly settings: string;
  readonly ports: string;
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

/** False where there is none. Throws conflict while it has endpoints. */
export const deleteNetwork = (store: Store, id: string): boolean =>
  store.run('DELETE FROM networks WHERE id = ?', id) === 1;

export function insertEndpoint(store: Store, row: EndpointRow): void {
  store.run(
    'INSERT INTO endpoints (id, network_id, container_id, ipv4, ipv6, mac, config) VALUES (?, ?, ?, ?, ?, ?, ?)',
    row.id,
    row.network_id,
    row.container_id,
    row.ipv4,
    row.ipv6,
    row.mac,
    row.config,
  );
}

export const updateEndpointConfig = (store: Store, id: string, config: string): boolean =>
  store.run('UPDATE endpoints SET config = ? WHERE id = ?', config, id) === 1;

export const updateEndpointAddress = (store: Store, id: string, ipv4: string | null, config: string): boolean =>
  store.run('UPDATE endpoints SET ipv4 = ?, config = ? WHERE id = ?', ipv4, config, id) === 1;

const SELECT_ENDPOINTS = 'SELECT id, network_id, container_id, ipv4, ipv6, mac, config FROM endpoints';

export const listEndpoints = (store: Store): readonly EndpointRow[] =>
  store.all<EndpointRow>(`${SELECT_ENDPOINTS} ORDER BY rowid`);

export const listEndpointsOfContainer = (store: Store, containerId: string): readonly EndpointRow[] =>
  store.all<EndpointRow>(`${SELECT_ENDPOINTS} WHERE container_id = ? ORDER BY rowid`, containerId);

export const listEndpointsOfNetwork = (store: Store, networkId: string): readonly EndpointRow[] =>
  store.all<EndpointRow>(`${SELECT_ENDPOINTS} WHERE network_id = ? ORDER BY rowid`, networkId);

/** The addresses in use on a network, of both versions. */
export const listAddressesOfNetwork = (store: Store, networkId: string): readonly string[] =>
  store
    .all<{ ipv4: string | null; ipv6: string | null }>(
      'SELECT ipv4, ipv6 FROM endpoints WHERE network_id = ?',
      networkId,
    )
    .flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((address) => address !== null));

export const deleteEndpoint = (store: Store, id: string): boolean =>
  store.run('DELETE FROM endpoints WHERE id = ?', id) === 1;

/** Makes the container's row, or gives the one that is there these settings. */
export function upsertSandbox(store: Store, { container_id, settings, ports }: SandboxRow): void {
  store.run(
    `INSERT INTO sandboxes (container_id, settings, ports) VALUES (?, ?, ?)
     ON CONFLICT (container_id) DO UPDATE SET settings = excluded.settings`,
    container_id,
    settings,
    ports,
  );
}

export const updateSandboxPorts = (store: Store, containerId: string, ports: string): boolean =>
  store.run('UPDATE sandboxes SET ports = ? WHERE container_id = ?', ports, containerId) === 1;

export const findSandbox = (store: Store, containerId: string): SandboxRow | undefined =>
  store.find<SandboxRow>('SELECT container_id, settings, ports FROM sandboxes WHERE container_id = ?', containerId);

export const listSandboxRows = (store: Store): readonly SandboxRow[] =>
  store.all<SandboxRow>('SELECT container_id, settings, ports FROM sandboxes');

export const deleteSandbox = (store: Store, containerId: string): boolean =>
  store.run('DELETE FROM sandboxes WHERE container_id = ?', containerId) === 1;
