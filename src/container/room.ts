import type { Clock } from '#/base/clock.ts';
import type { ContainerId, DiffId, ImageId } from '#/base/ids.ts';
import type { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import type { EventBus } from '#/events/events.ts';
import type { LayerStore } from '#/layer/layer.ts';
import type { CgroupHost } from '#/linux/cgroup.ts';
import type { HostFacts } from '#/linux/host.ts';
import type { Networks } from '#/network/network.ts';
import type { ContainerRuntime } from '#/runtime/runtime.ts';
import type { OciImageConfig } from '#/spec/oci/image.ts';
import type { Store } from '#/store/store.ts';
import type { Volumes } from '#/volume/volumes.ts';
import type { LiveContainers } from './live.ts';
import type { SeccompProfiles } from './task-seccomp.ts';

/** What a container needs of an image. */
export interface RunnableImage {
  readonly imageId: ImageId;
  readonly config: OciImageConfig;
  /** Bottom first. */
  readonly layers: readonly DiffId[];
}

/** The part of the image room that containers use. */
export interface ImageSource {
  /** Throws not-found with Docker's text. */
  resolveForRun(reference: string, platform?: string): RunnableImage;
}

/** Everything that the verbs of this room (`create.ts`, `start.ts`, …) work with. */
export interface ContainerRoom {
  readonly store: Store;
  readonly events: EventBus;
  readonly images: ImageSource;
  readonly layers: LayerStore;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly runtime: ContainerRuntime;
  readonly host: HostFacts;
  readonly cgroups: CgroupHost;
  readonly log: Logger;
  readonly clock: Clock;
  /** Held by a verb while it changes a container; waiting for an exit never holds it. */
  readonly locks: KeyedMutex<ContainerId>;
  readonly live: LiveContainers;
  readonly seccomp: SeccompProfiles;
  readonly settings: ContainerSettings;
}

export interface ContainerSettings {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  /** Of a stop that names none. */
  readonly stopTimeoutSec: number;
  /** Path of the program that `--init` puts first; undefined where the host has none. */
  readonly initPath: string | undefined;
  /** What containers get that ask for nothing else; empty means what the host has. */
  readonly dns: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly logDefaults: { readonly maxSizeBytes: number; readonly maxFiles: number };
  /** Set true when the engine closes: exits are then left for the next start to record. */
  readonly closing: AbortSignal;
}
