import { EngineError, toEngineError } from '#/base/errors.ts';
import type { ImageId } from '#/base/ids.ts';
import { printFamiliar } from '#/spec/distribution/reference.ts';
import { findReferenceRow, insertImage, setReference } from '#/store/images.ts';
import { createdAtMs } from '../image-config.ts';
import { referenceKey } from '../resolve.ts';
import { type ImageRoom, publishImageEvent } from '../room.ts';
import { findFile, malformed } from './archive-file.ts';
import { IngestQueue } from './ingest-queue.ts';
import { planDockerImages } from './plan-docker.ts';
import { planOciImages } from './plan-oci.ts';
import { type PlannedImage, refuseSharedNames } from './planned-image.ts';
import { type ReadArchiveOptions, readArchive } from './read-archive.ts';

/** One name that a load set, or an image that came without a name. */
export interface LoadedImage {
  readonly id: ImageId;
  /** As people write it. */
  readonly reference: string | undefined;
  /** The image that had the name until now. */
  readonly replaced: ImageId | undefined;
}

/**
 * Loads the images of an archive (docker-archive, OCI layout, or both in one; the tar and its layers plain, gzip or zstd)
 * in one pass. All of them become visible at once, when everything has been checked; on failure nothing is left.
 */
export async function loadImages(
  room: ImageRoom,
  stream: AsyncIterable<Uint8Array>,
  options: ReadArchiveOptions = {},
): Promise<readonly LoadedImage[]> {
  await using _hold = await room.gate.hold();
  try {
    const images = await readImages(room, stream, options);
    if (options.signal?.aborted) throw new EngineError('canceled', 'the load was canceled');
    const loaded = commitImages(room, images);
    publishLoaded(room, images);
    return loaded;
  } catch (error) {
    throw toEngineError(error, 'load images');
  } finally {
    // Layers of a failed load, and files that only looked like layers, are named by nothing. This runs when the hold ends.
    room.gate.sweepLater();
  }
}

async function readImages(
  room: ImageRoom,
  stream: AsyncIterable<Uint8Array>,
  options: ReadArchiveOptions,
): Promise<readonly PlannedImage[]> {
  await using queue = new IngestQueue(room.layers, options.signal);
  const archive = await readArchive(stream, queue, options);
  await queue.finish();
  const isDocker = findFile(archive, 'manifest.json') !== undefined;
  if (!isDocker && findFile(archive, 'index.json') === undefined) {
    throw malformed('image archive: it has neither manifest.json (docker save) nor index.json (OCI layout)');
  }
  const images = isDocker ? await planDockerImages(archive) : await planOciImages(archive);
  refuseSharedNames(images);
  return images;
}

/** Writes rows of images whose layers are all stored, in one transaction. */
export function commitImages(room: ImageRoom, images: readonly PlannedImage[]): readonly LoadedImage[] {
  const { store, clock } = room;
  const nowMs = clock.now();
  return store.transaction(() =>
    images.flatMap(({ id, config, configText, layers, references }): LoadedImage[] => {
      const row = {
        id,
        config: configText,
        size_bytes: layers.reduce((sum, layer) => sum + layer.sizeBytes, 0),
        created_at: createdAtMs(config),
        added_at: nowMs,
      };
      insertImage(
        store,
        row,
        layers.map((layer) => layer.diffId),
      );
      if (references.length === 0) return [{ id, reference: undefined, replaced: undefined }];
      return references.map((reference) => {
        const key = referenceKey(reference);
        const before = findReferenceRow(store, key)?.image_id;
        setReference(store, key, id, nowMs);
        return { id, reference: printFamiliar(reference), replaced: before === id ? undefined : before };
      });
    }),
  );
}

function publishLoaded(room: ImageRoom, images: readonly PlannedImage[]): void {
  for (const { id, config, references } of images) {
    const labels = config.config?.Labels ?? {};
    const names = references.map(printFamiliar);
    publishImageEvent(room, 'load', id, names[0] ?? id, labels);
    for (const name of names) publishImageEvent(room, 'tag', id, name, labels);
  }
}

/** The lines that Docker prints for what a load did. */
export function printLoaded({ id, reference, replaced }: LoadedImage): readonly string[] {
  if (reference === undefined) return [`Loaded image ID: ${id}`];
  const renamed =
    replaced === undefined
      ? []
      : [`The image ${reference} already exists, renaming the old one with ID ${replaced} to empty string`];
  return [...renamed, `Loaded image: ${reference}`];
}
