import type { DiffId, Digest, ImageId } from '#/base/ids.ts';
import type { Store } from './store.ts';

/** A row of `images`; `config` is the config's very bytes, whose sha256 is the id. */
export interface ImageRow {
  readonly id: ImageId;
  readonly config: string;
  readonly size_bytes: number;
  readonly created_at: number;
  readonly added_at: number;
  readonly last_tagged_at: number | null;
}

/** A row of `image_references`: a name in full, with a tag or a digest. */
export interface ImageReferenceRow {
  readonly name: string;
  readonly image_id: ImageId;
}

/** Inserts an image and its layers, bottom first; false (and nothing done) where it is there already. */
export function insertImage(store: Store, row: Omit<ImageRow, 'last_tagged_at'>, diffIds: readonly DiffId[]): boolean {
  return store.transaction(() => {
    const { id, config, size_bytes, created_at, added_at } = row;
    const added = store.run(
      `INSERT INTO images (id, config, size_bytes, created_at, added_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO NOTHING`,
      id,
      config,
      size_bytes,
      created_at,
      added_at,
    );
    if (added === 0) return false;
    for (const [position, diffId] of diffIds.entries()) {
      store.run('INSERT INTO image_layers (image_id, position, diff_id) VALUES (?, ?, ?)', id, position, diffId);
    }
    return true;
  });
}

export const findImageRow = (store: Store, id: ImageId): ImageRow | undefined =>
  store.find<ImageRow>('SELECT * FROM images WHERE id = ?', id);

/** At most two rows: enough to tell none, one and ambiguous apart. The prefix must be hex digits. */
export const findImageRowsByPrefix = (store: Store, hexPrefix: string): readonly ImageRow[] =>
  store.all<ImageRow>(
    'SELECT * FROM images WHERE id >= ? AND id < ? LIMIT 2',
    `sha256:${hexPrefix}`,
    `sha256:${hexPrefix}g`,
  );

/** All images, newest first. */
export const listImageRows = (store: Store): readonly ImageRow[] =>
  store.all<ImageRow>('SELECT * FROM images ORDER BY created_at DESC, added_at DESC, id');

/** Deletes an image with its references and its claims on layers. */
export const deleteImageRow = (store: Store, id: ImageId): boolean =>
  store.run('DELETE FROM images WHERE id = ?', id) === 1;

/** Bottom first. */
export const listLayersOfImage = (store: Store, id: ImageId): readonly DiffId[] =>
  store
    .all<{ diff_id: DiffId }>('SELECT diff_id FROM image_layers WHERE image_id = ? ORDER BY position', id)
    .map((row) => row.diff_id);

/** What running operations have claimed; it may be named by no image yet. */
export const listLeasedDigests = (store: Store): readonly Digest[] =>
  store.all<{ digest: Digest }>('SELECT DISTINCT digest FROM lease_items').map((row) => row.digest);

export interface LayerNaming {
  readonly image_id: ImageId;
  readonly diff_id: DiffId;
}

/** Which images name which layers; a layer that an image has twice is listed once for it. */
export const listLayerNamings = (store: Store): readonly LayerNaming[] =>
  store.all<LayerNaming>('SELECT DISTINCT image_id, diff_id FROM image_layers');

export const findReferenceRow = (store: Store, name: string): ImageReferenceRow | undefined =>
  store.find<ImageReferenceRow>('SELECT name, image_id FROM image_references WHERE name = ?', name);

export const listReferenceRows = (store: Store): readonly ImageReferenceRow[] =>
  store.all<ImageReferenceRow>('SELECT name, image_id FROM image_references ORDER BY name');

export const listReferencesOfImage = (store: Store, id: ImageId): readonly string[] =>
  store
    .all<{ name: string }>('SELECT name FROM image_references WHERE image_id = ? ORDER BY name', id)
    .map((row) => row.name);

/** Points a name at an image, whatever it named before. */
export function setReference(store: Store, name: string, id: ImageId, atMs: number): void {
  store.transaction(() => {
    store.run(
      `INSERT INTO image_references (name, image_id) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id`,
      name,
      id,
    );
    store.run('UPDATE images SET last_tagged_at = ? WHERE id = ?', atMs, id);
  });
}

export const deleteReference = (store: Store, name: string): boolean =>
  store.run('DELETE FROM image_references WHERE name = ?', name) === 1;
