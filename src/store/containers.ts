import type { Store } from './store.ts';

/** A row of `containers` with its row of `container_states`; config and state are JSON of the container room's types. */
export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly image_id: string;
  readonly created_at: number;
  readonly config: string;
  readonly state: string;
}

const SELECT = `SELECT c.id, c.name, c.image_id, c.created_at, c.config, s.state
  FROM containers c JOIN container_states s ON s.container_id = c.id`;

export function insertContainer(store: Store, row: ContainerRow, status: string): void {
  store.transaction(() => {
    store.run(
      'INSERT INTO containers (id, name, image_id, created_at, config) VALUES (?, ?, ?, ?, ?)',
      row.id,
      row.name,
      row.image_id,
      row.created_at,
      row.config,
    );
    store.run('INSERT INTO container_states (container_id, status, state) VALUES (?, ?, ?)', row.id, status, row.state);
  });
}

export const findContainerById = (store: Store, id: string): ContainerRow | undefined =>
  store.find<ContainerRow>(`${SELECT} WHERE c.id = ?`, id);

export const findContainerByName = (store: Store, name: string): ContainerRow | undefined =>
  store.find<ContainerRow>(`${SELECT} WHERE c.name = ?`, name);

/** At most two rows: enough to tell none, one and ambiguous apart. The prefix must be hex digits. */
export const findContainersByIdPrefix = (store: Store, prefix: string): readonly ContainerRow[] =>
  store.all<ContainerRow>(`${SELECT} WHERE c.id >= ? AND c.id < ? LIMIT 2`, prefix, `${prefix}g`);

/** All containers, newest first. */
export const listContainers = (store: Store): readonly ContainerRow[] =>
  store.all<ContainerRow>(`${SELECT} ORDER BY c.created_at DESC, c.rowid DESC`);

/** False where there is no such container. */
export const updateContainerState = (store: Store, id: string, status: string, state: string): boolean =>
  store.run('UPDATE container_states SET status = ?, state = ? WHERE container_id = ?', status, state, id) === 1;

/** False where there is no such container. */
export const updateContainerConfig = (store: Store, id: string, config: string): boolean =>
  store.run('UPDATE containers SET config = ? WHERE id = ?', config, id) === 1;

export const renameContainerRow = (store: Store, id: string, name: string): boolean =>
  store.run('UPDATE containers SET name = ? WHERE id = ?', name, id) === 1;

export const deleteContainerRow = (store: Store, id: string): boolean =>
  store.run('DELETE FROM containers WHERE id = ?', id) === 1;

export interface StatusCount {
  readonly status: string;
  readonly count: number;
}

export const countContainersByStatus = (store: Store): readonly StatusCount[] =>
  store.all<StatusCount>('SELECT status, count(*) AS count FROM container_states GROUP BY status');
