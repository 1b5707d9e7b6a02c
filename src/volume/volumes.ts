import type { ContainerId } from '#/base/ids.ts';
import type { VolumeSnapshots } from './snapshots.ts';

/**
 * Volumes: named places that outlive containers. A container's mount holds its volume (`mount`…`unmount`) while it runs; what a
 * container *refers to* is the container room's knowledge, handed in as `usersOf` when the room is opened.
 */
export interface Volumes {
  /** Oldest first. */
  list(): readonly Volume[];
  /** Throws not-found: `get NAME: no such volume`. */
  get(name: string): Volume;
  /** The volume of that name with these settings, made if it is not there. Throws conflict where it is there with another driver or other options. */
  create(spec: VolumeSpec): Promise<Volume>;
  /** A new volume with the content of another, as a snapshot would hold it. Throws conflict where the name is taken. */
  clone(source: string, name: string, labels: VolumeSpec['labels']): Promise<Volume>;
  readonly snapshots: VolumeSnapshots;
  /**
   * Throws conflict, with Docker's text, while a container refers to it (also stopped ones), and while it has snapshots. With
   * force, absence is success and snapshots go along.
   */
  remove(name: string, options: RemoveVolumeOptions): Promise<void>;
  /** Removes those that no container refers to, that have no snapshots and that `select` takes; tells in an event what came free. */
  prune(select: (volume: Volume) => boolean): Promise<PrunedVolumes>;
  /** The directory to bind-mount; its file system is mounted on first use. Idempotent per holder. Throws what the mount failed with. */
  mount(name: string, holder: ContainerId): Promise<{ readonly path: string }>;
  /** Absence is success; the last one takes the file system down. */
  unmount(name: string, holder: ContainerId): Promise<void>;
  /** Unmounts all that a holder holds; the names of what it held. */
  release(holder: ContainerId): Promise<readonly string[]>;
  /** Takes down file systems that an earlier engine mounted and nobody holds, once those that still run have said so by `mount`. */
  sweepMounts(): Promise<void>;
  /** Bytes that it takes of this engine's disk: 0 where its options mount it from elsewhere. Throws not-found. */
  usage(name: string): Promise<number>;
}

export interface Volume {
  readonly name: string;
  readonly driver: 'local';
  readonly createdAtMs: number;
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Mount options as asked for: type, o, device, size. */
  readonly options: Readonly<Record<string, string>>;
  /** Made without a name of its own (it bears `ANONYMOUS_LABEL`): prune takes it without being told `all`. */
  readonly anonymous: boolean;
}

export interface RemoveVolumeOptions {
  readonly force: boolean;
  /** A container that is being removed: that it refers to the volume does not count. */
  readonly besides?: ContainerId;
}

export interface PrunedVolumes {
  readonly names: readonly string[];
  readonly reclaimedBytes: number;
}

/** The label by which Docker's clients know anonymous volumes. */
export const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

export interface VolumeSpec {
  /** '' means an anonymous one: 64 hex digits. */
  readonly name: string;
  /** As written; '' means local; others are not-found, with Docker's text. */
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}
