import type { Store } from './store.ts';

/** A row of `volumes`; config is JSON of the volume room's types. */
export interface VolumeRow {
  readonly name: string;
  readonly driver: string;
  readonly created_at: number;
  readonly config: string;
}

const SELECT = 'SELECT name, driver, created_at, config FROM volumes';

export function insertVolume(store: Store, { name, driver, created_at, config }: VolumeRow): void {
  store.run(
    'INSERT INTO volumes (name, driver, created_at, config) VALUES (?, ?, ?, ?)',
    name,
    driver,
    created_at,
    config,
  );
}

/** All volumes, oldest first. */
export const listVolumes = (store: Store): readonly VolumeRow[] =>
  store.all<VolumeRow>(`${SELECT} ORDER BY created_at, name`);

export const findVolume = (store: Store, name: string): VolumeRow | undefined =>
  store.find<VolumeRow>(`${SELECT} WHERE name = ?`, name);

export const deleteVolumeRow = (store: Store, name: string): boolean =>
  store.run('DELETE FROM volumes WHERE name = ?', name) === 1;
