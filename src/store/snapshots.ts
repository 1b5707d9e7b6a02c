import type { Store } from './store.ts';

/** A row of `volume_snapshots`; it goes with its volume. */
export interface SnapshotRow {
  readonly id: string;
  readonly volume: string;
  readonly name: string | null;
  readonly created_at: number;
  readonly size: number;
}

const SELECT = 'SELECT id, volume, name, created_at, size FROM volume_snapshots';

export function insertSnapshot(store: Store, { id, volume, name, created_at, size }: SnapshotRow): void {
  store.run(
    'INSERT INTO volume_snapshots (id, volume, name, created_at, size) VALUES (?, ?, ?, ?, ?)',
    id,
    volume,
    name,
    created_at,
    size,
  );
}

/** Of one volume, oldest first. */
export const listSnapshotsOfVolume = (store: Store, volume: string): readonly SnapshotRow[] =>
  store.all<SnapshotRow>(`${SELECT} WHERE volume = ? ORDER BY created_at, rowid`, volume);

export const deleteSnapshotRow = (store: Store, id: string): boolean =>
  store.run('DELETE FROM volume_snapshots WHERE id = ?', id) === 1;
