import type { ImageId } from '#/base/ids.ts';
import type { LayerStore } from '#/layer/layer.ts';
import type { ImageRecord } from './record.ts';

/** One step in the making of an image. */
export interface ImageHistoryItem {
  /** Only the newest step has one: the image's. */
  readonly id: ImageId | undefined;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly tags: readonly string[];
  /** Of the layer that the step made; 0 where it made none. */
  readonly sizeBytes: number;
}

/** The steps that made an image, newest first. Layers that the config does not account for become steps without words. */
export function listHistory(layers: LayerStore, image: ImageRecord): readonly ImageHistoryItem[] {
  const remaining = [...image.layers];
  const sizeOfNext = (): number => {
    const diffId = remaining.shift();
    return diffId === undefined ? 0 : layers.getUsage(diffId).tarBytes;
  };
  const steps = (image.config.history ?? []).map((step) => ({
    createdAtMs: Math.max(Date.parse(step.created ?? '') || 0, 0),
    createdBy: step.created_by ?? '',
    comment: step.comment ?? '',
    sizeBytes: step.empty_layer === true ? 0 : sizeOfNext(),
  }));
  while (remaining.length > 0) steps.push({ createdAtMs: 0, createdBy: '', comment: '', sizeBytes: sizeOfNext() });
  return steps.reverse().map((step, index) => ({
    ...step,
    id: index === 0 ? image.id : undefined,
    tags: index === 0 ? image.tags : [],
  }));
}
