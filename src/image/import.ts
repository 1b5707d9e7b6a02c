import { createHash } from 'node:crypto';
import { toEngineError } from '#/base/errors.ts';
import { type DiffId, digestOfHex, type ImageId } from '#/base/ids.ts';
import type { IngestedLayer } from '#/layer/layer.ts';
import type { OciImageConfig } from '#/spec/oci/image.ts';
import { parseImageConfig } from './image-config.ts';
import { commitImages } from './load/load.ts';
import { type ImageRoom, publishImageEvent } from './room.ts';
import { parseTag } from './tag.ts';

export interface ImportImageInput {
  /** All of the config but its diff ids, which are filled in. */
  readonly config: Omit<OciImageConfig, 'rootfs'>;
  /** Bottom first: tars (plain, gzip or zstd), or layers that are here already. */
  readonly layers: ReadonlyArray<AsyncIterable<Uint8Array> | DiffId>;
  /** Names to give it; `latest` where a tag is left out. */
  readonly references: readonly string[];
}

/**
 * Makes an image of layers and a config. The same input gives the same id. Nothing is visible before all of it is stored;
 * a failure leaves nothing.
 */
export async function importImage(
  room: ImageRoom,
  { config, layers, references }: ImportImageInput,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<ImageId> {
  const names = references.map(parseTag);
  await using _hold = await room.gate.hold();
  try {
    const stored: IngestedLayer[] = [];
    for (const layer of layers) stored.push(await storeLayer(room, layer, signal));
    const diffIds = stored.map((layer) => layer.diffId);
    const configText = JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: diffIds } });
    const id = digestOfHex(createHash('sha256').update(configText).digest('hex')) as ImageId;
    const parsed = parseImageConfig(configText);
    const [first] = commitImages(room, [{ id, config: parsed, configText, layers: stored, references: names }]);
    publishImageEvent(room, 'import', id, first?.reference ?? id, parsed.config?.Labels ?? {});
    return id;
  } catch (error) {
    throw toEngineError(error, 'import an image');
  } finally {
    room.gate.sweepLater();
  }
}

async function storeLayer(
  { layers }: ImageRoom,
  layer: AsyncIterable<Uint8Array> | DiffId,
  signal: AbortSignal | undefined,
): Promise<IngestedLayer> {
  if (typeof layer !== 'string') return layers.ingest(layer, signal === undefined ? {} : { signal });
  const { tarBytes: sizeBytes } = layers.getUsage(layer);
  const asBlob = { blobDigest: layer, blobSizeBytes: sizeBytes, compression: 'none' } as const;
  return { diffId: layer, sizeBytes, ...asBlob, isNew: false };
}
