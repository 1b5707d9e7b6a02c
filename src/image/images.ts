import type { Clock } from '#/base/clock.ts';
import { EngineError, isEngineError } from '#/base/errors.ts';
import type { DiffId, ImageId } from '#/base/ids.ts';
import type { Logger } from '#/base/log.ts';
import type { EventBus } from '#/events/events.ts';
import type { LayerStore } from '#/layer/layer.ts';
import type { OciImageConfig } from '#/spec/oci/image.ts';
import type { Store } from '#/store/store.ts';
import { type ImageHistoryItem, listHistory } from './history.ts';
import { type ImportImageInput, importImage } from './import.ts';
import { LayerGate } from './layer-gate.ts';
import { type LoadedImage, loadImages } from './load/load.ts';
import type { ReadArchiveOptions } from './load/read-archive.ts';
import { parsePlatform, platformMatches, printPlatform } from './platform.ts';
import { type ImageRecord, listImages } from './record.ts';
import { type RemovedItem, type RemoveImageOptions, removeImage } from './remove.ts';
import { getImage } from './resolve.ts';
import type { ImageRoom } from './room.ts';
import { saveImages } from './save/save.ts';
import { tagImage } from './tag.ts';
import { type ImagesUsage, measureImages } from './usage.ts';

/**
 * Images: named configs over stacks of layers. An image is named by its id (the digest of its config), by the beginning of
 * that id, or by references, each of which names one image. An image without references stays until it is removed.
 */
export interface Images {
  /** All images, newest first. */
  list(): readonly ImageRecord[];
  /** By reference, id or the beginning of an id. Throws not-found with Docker's text (`No such image: foo:latest`). */
  get(text: string): ImageRecord;
  find(text: string): ImageRecord | undefined;
  history(text: string): readonly ImageHistoryItem[];
  tag(source: string, target: string): void;
  remove(text: string, options: RemoveImageOptions): Promise<readonly RemovedItem[]>;
  load(stream: AsyncIterable<Uint8Array>, options?: ReadArchiveOptions): Promise<readonly LoadedImage[]>;
  /** The archive's bytes; throws not-found at once, before the first of them. */
  save(texts: readonly string[], options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
  importImage(input: ImportImageInput, options?: { readonly signal?: AbortSignal }): Promise<ImageId>;
  /** What a container needs of an image. Throws not-found also where the image is for another platform. */
  resolveForRun(text: string, platform?: string): RunnableImage;
  usage(): ImagesUsage;
  /** Removes layers that nothing names, now or when the loads that are going on have ended. */
  sweep(): Promise<readonly DiffId[]>;
  /** For whoever stores layers before naming them: until the result is disposed no layer is removed. */
  holdLayers(): Promise<AsyncDisposable>;
}

export interface RunnableImage {
  readonly imageId: ImageId;
  readonly config: OciImageConfig;
  /** Bottom first. */
  readonly layers: readonly DiffId[];
}

export interface ImagesDeps {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  /** Layers of the containers that exist, whose images may be gone. Asked during each sweep. */
  readonly layersInUse: () => Iterable<DiffId>;
}

export function openImages(deps: ImagesDeps): Images {
  const gate = new LayerGate(deps);
  const room: ImageRoom = { ...deps, gate };
  const get = (text: string): ImageRecord => getImage(deps.store, text);
  return {
    list: () => listImages(deps.store),
    get,
    find: (text) => findImage(deps.store, text),
    history: (text) => listHistory(deps.layers, get(text)),
    tag: (source, target) => tagImage(room, source, target),
    remove: (text, options) => removeImage(room, text, options),
    load: (stream, options) => loadImages(room, stream, options),
    save: (texts, options) => saveImages(room, texts, options),
    importImage: (input, options) => importImage(room, input, options),
    resolveForRun: (text, platform) => resolveForRun(deps.store, text, platform),
    usage: () => measureImages(room),
    sweep: () => gate.sweep(),
    holdLayers: () => gate.hold(),
  };
}

function findImage(store: Store, text: string): ImageRecord | undefined {
  try {
    return getImage(store, text);
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

function resolveForRun(store: Store, text: string, platform: string | undefined): RunnableImage {
  const { id, config, layers } = getImage(store, text);
  if (platform !== undefined && platform !== '') {
    const wanted = parsePlatform(platform);
    if (!platformMatches(wanted, config)) {
      throw new EngineError(
        'not-found',
        `image with reference ${text} was found but does not match the specified platform: wanted ${printPlatform(wanted)}, actual: ${printPlatform(config)}`,
      );
    }
  }
  return { imageId: id, config, layers };
}
