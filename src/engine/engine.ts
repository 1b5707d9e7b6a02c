import type { EngineEvent, EventFilter } from '#/events/events.ts';
import type { Images } from '#/image/images.ts';
import type { ContainerOperations } from './containers.ts';
import type { EngineInfo } from './info.ts';
import type { NetworkOperations } from './networks.ts';
import type { EngineVolumes } from './volumes.ts';

/** What an image that can be made on this machine tells while it is made. */
export interface ProvideOptions {
  readonly signal?: AbortSignal;
  /** One line for people. */
  readonly onProgress?: (status: string) => void;
}

export interface EngineImages extends Images {
  /**
   * Makes an image that is not here available, where Gantry can (`gantry.local/…`). Throws not-implemented for images that
   * only a registry has.
   */
  provide(reference: string, options?: ProvideOptions): Promise<void>;
  /** Bytes of an image's layers; 0 where it is gone. */
  sizeOf(id: string): number;
}

/** A container engine in this process. Disposing it leaves containers running; the next engine over the same roots picks them up. */
export interface Engine extends AsyncDisposable {
  readonly containers: ContainerOperations;
  readonly images: EngineImages;
  readonly volumes: EngineVolumes;
  readonly networks: NetworkOperations;
  /** `erofs`, or `unpacked` where that cannot be mounted. */
  readonly storageDriver: string;
  /** For the HTTP header `Server`. */
  readonly serverHeader: string;
  /** Kept events and live ones until the signal aborts. */
  events(filter: EventFilter): AsyncIterableIterator<EngineEvent>;
  info(): EngineInfo;
}
