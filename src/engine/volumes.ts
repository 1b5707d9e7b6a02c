import type { ContainerId } from '#/base/ids.ts';
import { volumeReferences } from '#/container/volume-users.ts';
import type { Store } from '#/store/store.ts';
import type { VolumeSnapshots } from '#/volume/snapshots.ts';
import type { PrunedVolumes, Volume, VolumeSpec, Volumes } from '#/volume/volumes.ts';

/** What programs and front doors do with volumes. */
export interface EngineVolumes {
  /** Oldest first. */
  list(): readonly Volume[];
  get(name: string): Volume;
  create(spec: VolumeSpec): Promise<Volume>;
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
  /** Removes those that no container refers to and that `select` takes. */
  prune(select: (volume: Volume) => boolean): Promise<PrunedVolumes>;
  usage(name: string): Promise<number>;
  clone(source: string, name: string, labels: VolumeSpec['labels']): Promise<Volume>;
  readonly snapshots: VolumeSnapshots;
  /** The containers that refer to each volume; a volume without any is not in it. */
  references(): ReadonlyMap<string, readonly ContainerId[]>;
}

export function bindVolumes(volumes: Volumes, store: Store): EngineVolumes {
  return {
    list: () => volumes.list(),
    get: (name) => volumes.get(name),
    create: (spec) => volumes.create(spec),
    remove: (name, options) => volumes.remove(name, options),
    prune: (select) => volumes.prune(select),
    usage: (name) => volumes.usage(name),
    clone: (source, name, labels) => volumes.clone(source, name, labels),
    snapshots: volumes.snapshots,
    references: () => volumeReferences(store),
  };
}
