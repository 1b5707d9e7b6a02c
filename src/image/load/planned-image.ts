import { EngineError } from '#/base/errors.ts';
import type { ImageId } from '#/base/ids.ts';
import type { IngestedLayer } from '#/layer/layer.ts';
import type { ImageReference } from '#/spec/distribution/reference.ts';
import type { OciImageConfig } from '#/spec/oci/image.ts';
import { checkDiffIds, parseImageConfig } from '../image-config.ts';
import { referenceKey } from '../resolve.ts';
import type { ArchiveDocument } from './archive-file.ts';

/** An image as an archive describes it, checked against the layers that were stored. */
export interface PlannedImage {
  readonly id: ImageId;
  readonly config: OciImageConfig;
  readonly configText: string;
  readonly layers: readonly IngestedLayer[];
  /** Each with a tag. */
  readonly references: readonly ImageReference[];
}

/** Waits for the layers and checks that they are those that the config names. */
export async function planImage(
  document: ArchiveDocument,
  pendingLayers: ReadonlyArray<Promise<IngestedLayer>>,
  references: readonly ImageReference[],
): Promise<PlannedImage> {
  const layers = await Promise.all(pendingLayers);
  const config = parseImageConfig(document.text);
  const diffIds = layers.map((layer) => layer.diffId);
  checkDiffIds(config, diffIds);
  return { id: document.digest as ImageId, config, configText: document.text, layers, references };
}

/** Throws invalid-argument where an archive gives one name to two images: which of them it means depends on the reader. */
export function refuseSharedNames(images: readonly PlannedImage[]): void {
  const owners = new Map<string, ImageId>();
  for (const { id, references } of images) {
    for (const reference of references) {
      const key = referenceKey(reference);
      const owner = owners.get(key);
      if (owner !== undefined && owner !== id) {
        throw new EngineError('invalid-argument', `image archive: ${key} names two images, ${owner} and ${id}`);
      }
      owners.set(key, id);
    }
  }
}
