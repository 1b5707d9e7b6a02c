import type { DiffId, ImageId } from '#/base/ids.ts';
import { listLayerNamings } from '#/store/images.ts';
import type { ImageRoom } from './room.ts';

export interface ImageUsage {
  readonly sizeBytes: number;
  /** In layers that other images have too. */
  readonly sharedBytes: number;
  readonly uniqueBytes: number;
}

export interface ImagesUsage {
  readonly images: ReadonlyMap<ImageId, ImageUsage>;
  /** All layers that are here, each once. */
  readonly layersBytes: number;
}

/** What images take on disk. A layer that an image has twice counts once. */
export function measureImages({ store, layers }: ImageRoom): ImagesUsage {
  const namings = listLayerNamings(store);
  const ownerCount = new Map<DiffId, number>();
  for (const { diff_id } of namings) ownerCount.set(diff_id, (ownerCount.get(diff_id) ?? 0) + 1);
  const images = new Map<ImageId, ImageUsage>();
  for (const { image_id, diff_id } of namings) {
    const sizeBytes = layers.has(diff_id) ? layers.getUsage(diff_id).tarBytes : 0;
    const sharedBytes = ownerCount.get(diff_id) === 1 ? 0 : sizeBytes;
    const before = images.get(image_id) ?? { sizeBytes: 0, sharedBytes: 0, uniqueBytes: 0 };
    images.set(image_id, {
      sizeBytes: before.sizeBytes + sizeBytes,
      sharedBytes: before.sharedBytes + sharedBytes,
      uniqueBytes: before.uniqueBytes + sizeBytes - sharedBytes,
    });
  }
  let layersBytes = 0;
  // Without what is derived from them, as images count: clients subtract one from the other.
  for (const diffId of layers.list()) layersBytes += layers.getUsage(diffId).tarBytes;
  return { images, layersBytes };
}
