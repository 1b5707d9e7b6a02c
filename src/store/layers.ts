import type { DiffId } from '#/base/ids.ts';
import type { Store } from './store.ts';

/** A row of `layers`: the layer's files are whole and on disk. `traits` is JSON that the layer room understands. */
export interface LayerRow {
  readonly diff_id: DiffId;
  readonly tar_bytes: number;
  readonly index_bytes: number;
  readonly traits: string;
  readonly created_at: number;
}

export function insertLayer(store: Store, row: LayerRow): void {
  const { diff_id, tar_bytes, index_bytes, traits, created_at } = row;
  store.run(
    'INSERT INTO layers (diff_id, tar_bytes, index_bytes, traits, created_at) VALUES (?, ?, ?, ?, ?)',
    diff_id,
    tar_bytes,
    index_bytes,
    traits,
    created_at,
  );
}

export const findLayerRow = (store: Store, diffId: DiffId): LayerRow | undefined =>
  store.find<LayerRow>('SELECT * FROM layers WHERE diff_id = ?', diffId);

/** Oldest first. */
export const listLayerIds = (store: Store): readonly DiffId[] =>
  store.all<{ diff_id: DiffId }>('SELECT diff_id FROM layers ORDER BY created_at, diff_id').map((row) => row.diff_id);

/** False where there is none. */
export const deleteLayerRow = (store: Store, diffId: DiffId): boolean =>
  store.run('DELETE FROM layers WHERE diff_id = ?', diffId) === 1;
