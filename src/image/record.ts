import type { DiffId, ImageId } from '#/base/ids.ts';
import { type ImageReference, parseReference, printFamiliar } from '#/spec/distribution/reference.ts';
import type { OciImageConfig } from '#/spec/oci/image.ts';
import {
  findImageRow,
  type ImageRow,
  listImageRows,
  listLayersOfImage,
  listReferenceRows,
  listReferencesOfImage,
} from '#/store/images.ts';
import type { Store } from '#/store/store.ts';
import { readStoredConfig } from './image-config.ts';

/** An image that is here. */
export interface ImageRecord {
  readonly id: ImageId;
  readonly config: OciImageConfig;
  /** The config's very bytes as text, whose digest is the id. */
  readonly configText: string;
  /** Bottom first. */
  readonly layers: readonly DiffId[];
  /** Names as people write them, sorted: `busybox:latest`. */
  readonly tags: readonly string[];
  /** Names with a digest: `busybox@sha256:…`. */
  readonly digests: readonly string[];
  /** Sum of its layers' uncompressed tars. */
  readonly sizeBytes: number;
  /** Says the config; 0 where it says nothing. */
  readonly createdAtMs: number;
  readonly addedAtMs: number;
  readonly lastTaggedAtMs: number | undefined;
}

export function findImageById(store: Store, id: ImageId): ImageRecord | undefined {
  const row = findImageRow(store, id);
  return row === undefined ? undefined : toImageRecord(store, row, listReferencesOfImage(store, id));
}

/** All images, newest first. */
export function listImages(store: Store): readonly ImageRecord[] {
  const names = Map.groupBy(listReferenceRows(store), (row) => row.image_id);
  return listImageRows(store).map((row) =>
    toImageRecord(store, row, names.get(row.id)?.map((reference) => reference.name) ?? []),
  );
}

/** The references of an image, parsed. */
export const listReferences = (store: Store, id: ImageId): readonly ImageReference[] =>
  listReferencesOfImage(store, id).map(parseReference);

function toImageRecord(store: Store, row: ImageRow, names: readonly string[]): ImageRecord {
  const references = names.map(parseReference);
  return {
    id: row.id,
    config: readStoredConfig(row.config),
    configText: row.config,
    layers: listLayersOfImage(store, row.id),
    tags: references.filter((reference) => reference.digest === undefined).map(printFamiliar),
    digests: references.filter((reference) => reference.digest !== undefined).map(printFamiliar),
    sizeBytes: row.size_bytes,
    createdAtMs: row.created_at,
    addedAtMs: row.added_at,
    lastTaggedAtMs: row.last_tagged_at ?? undefined,
  };
}
