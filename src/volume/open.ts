import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#/base/clock.ts';
import { EngineError, isEngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import type { EventBus } from '#/events/events.ts';
import { copyTree } from '#/linux/copy-tree.ts';
import { sumTree } from '#/linux/trees.ts';
import type { Store } from '#/store/store.ts';
import { deleteVolumeRow, findVolume, insertVolume, listVolumes, type VolumeRow } from '#/store/volumes.ts';
import { checkLocalOptions, localMountOf, sizeLimitOf } from './local-options.ts';
import { getKept, LocalSnapshots } from './local-snapshots.ts';
import { VolumeFiles } from './volume-files.ts';
import { takeDown, VolumeMounts } from './volume-mounts.ts';
import { checkVolumeName, newVolumeName } from './volume-names.ts';
import { VolumeQuota } from './volume-quota.ts';
import {
  ANONYMOUS_LABEL,
  type PrunedVolumes,
  type RemoveVolumeOptions,
  type Volume,
  type VolumeSpec,
  type Volumes,
} from './volumes.ts';

export interface OpenVolumes {
  readonly dataRoot: string;
  readonly store: Store;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  /** The containers that refer to a volume, stopped ones too. Called inside a transaction: it must not wait. */
  readonly usersOf: (name: string) => readonly ContainerId[];
}

/** Opens the volumes of a data root: finishes what a crash cut short, and takes in directories whose rows are lost. */
export async function openVolumes(options: OpenVolumes): Promise<Volumes> {
  const { store, log } = options;
  const files = new VolumeFiles(options.dataRoot);
  const strays = await files.sweep((name) => findVolume(store, name) !== undefined);
  for (const name of strays) {
    log.warn({ volume: name }, 'a directory of the volumes holds data and has no row: taking it in as a volume');
    insertVolume(store, rowOf({ name, driver: '', labels: {}, options: {} }, options.clock.now()));
  }
  for (const { name } of listVolumes(store)) await files.make(name);
  const volumes = new LocalVolumes(options, files);
  for (const { name } of listVolumes(store)) await volumes.snapshots.sweep(name);
  return volumes;
}

/** What the column `config` holds. */
interface StoredConfig {
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  /** Of a volume whose size is limited. */
  readonly projectId?: number;
}

const configOf = ({ config }: VolumeRow): StoredConfig => JSON.parse(config) as StoredConfig;

function rowOf({ name, labels, options }: VolumeSpec, createdAtMs: number, projectId?: number): VolumeRow {
  const config: StoredConfig = { labels, options, ...(projectId === undefined ? {} : { projectId }) };
  return { name, driver: 'local', created_at: createdAtMs, config: JSON.stringify(config) };
}

class LocalVolumes implements Volumes {
  readonly #room: OpenVolumes;
  readonly #files: VolumeFiles;
  readonly #mounts = new VolumeMounts();
  readonly #locks = new KeyedMutex<string>();
  readonly #quota: VolumeQuota;
  readonly snapshots: LocalSnapshots;

  constructor(room: OpenVolumes, files: VolumeFiles) {
    this.#room = room;
    this.#files = files;
    const projects = listVolumes(room.store).flatMap((row) => configOf(row).projectId ?? []);
    this.#quota = new VolumeQuota(files.root, projects);
    this.snapshots = new LocalSnapshots({
      ...room,
      files,
      locks: this.#locks,
      get: (name) => this.get(name),
      isHeld: (name) => this.#mounts.isHeld(name),
    });
  }

  list(): readonly Volume[] {
    return listVolumes(this.#room.store).map((row) => this.#ofRow(row));
  }

  get(name: string): Volume {
    const volume = this.#find(name);
    if (volume === undefined) throw new EngineError('not-found', `get ${name}: no such volume`);
    return volume;
  }

  async create(asked: VolumeSpec): Promise<Volume> {
    const spec =
      asked.name === ''
        ? { ...asked, name: newVolumeName(), labels: { ...asked.labels, [ANONYMOUS_LABEL]: '' } }
        : asked;
    const { name, driver, options } = spec;
    if (driver !== '' && driver !== 'local') {
      throw new EngineError(
        'not-found',
        `create ${name}: error looking up volume plugin ${driver}: plugin ${JSON.stringify(driver)} not found`,
      );
    }
    return await this.#locks.run(name, async () => {
      const existing = this.#find(name);
      if (existing !== undefined) return reuse(existing, options);
      checkVolumeName(name);
      checkLocalOptions(name, options, { quotas: this.#quota.isSupported });
      const sizeBytes = sizeLimitOf(options);
      return await (sizeBytes === 0 ? this.#make(spec) : this.#makeLimited(spec, sizeBytes));
    });
  }

  async #makeLimited(spec: VolumeSpec, sizeBytes: number): Promise<Volume> {
    const projectId = this.#quota.newProject();
    return await this.#make(spec, async (data) => this.#quota.limit(data, projectId, sizeBytes), projectId);
  }

  async clone(source: string, name: string, labels: VolumeSpec['labels']): Promise<Volume> {
    const { mountpoint } = getKept(this.get(source));
    return await this.#locks.run(name, async () => {
      checkVolumeName(name);
      if (this.#find(name) !== undefined) throw new EngineError('conflict', `clone ${source}: volume ${name} exists`);
      const fill = (destination: string) => copyTree({ source: mountpoint, destination, sync: true });
      const clone = { name, driver: 'local', labels, options: {} };
      return await this.snapshots.whileCopying(source, () => this.#make(clone, fill));
    });
  }

  async #make(spec: VolumeSpec, fill?: (data: string) => Promise<void>, projectId?: number): Promise<Volume> {
    await this.#files.make(spec.name, fill);
    insertVolume(this.#room.store, rowOf(spec, this.#room.clock.now(), projectId));
    this.#publish(spec.name, 'create');
    return this.get(spec.name);
  }

  async remove(name: string, { force, besides }: RemoveVolumeOptions): Promise<void> {
    await this.#locks.run(name, async () => {
      const volume = this.#find(name);
      if (volume === undefined && force) return;
      const found = volume ?? this.get(name);
      this.#refuseInUse(name, besides);
      if (!force) this.#refuseWithSnapshots(name);
      if (this.snapshots.isCopying(name))
        throw new EngineError('conflict', `remove ${name}: a copy of the volume is being made`);
      if (this.#mounts.isHeld(name)) throw new EngineError('conflict', `remove ${name}: volume is in use`);
      await takeDown(found);
      const aside = this.#forget(name, besides);
      this.#publish(name, 'destroy');
      if (aside !== undefined) await this.#files.discard(aside);
    });
  }

  /**
   * Row and directory go together: a kill in between leaves a row, whose volume is then empty, and not a directory with data
   * that nobody would dare to delete. Where the directory now is.
   */
  #forget(name: string, besides: ContainerId | undefined): string | undefined {
    let aside: string | undefined;
    try {
      this.#room.store.transaction(() => {
        this.#refuseInUse(name, besides);
        deleteVolumeRow(this.#room.store, name);
        aside = this.#files.setAside(name);
      });
    } catch (error) {
      if (aside !== undefined) this.#files.putBack(aside, name);
      throw error;
    }
    return aside;
  }

  async prune(select: (volume: Volume) => boolean): Promise<PrunedVolumes> {
    const names: string[] = [];
    let reclaimedBytes = 0;
    for (const volume of this.list().filter(select)) {
      // Others are removed while one is measured.
      if (this.#find(volume.name) === undefined || this.#room.usersOf(volume.name).length > 0) continue;
      // Somebody has wanted to keep what is in it.
      if (this.snapshots.list(volume.name).length > 0) continue;
      // What cannot be measured can be removed all the same.
      const sizeBytes = await this.usage(volume.name).catch(() => 0);
      try {
        await this.remove(volume.name, { force: true });
      } catch (error) {
        // Somebody has come to use it meanwhile.
        if (isEngineError(error, 'conflict')) continue;
        throw error;
      }
      names.push(volume.name);
      reclaimedBytes += sizeBytes;
    }
    const attributes = { reclaimed: String(reclaimedBytes) };
    this.#room.events.publish({ type: 'volume', action: 'prune', id: '', attributes });
    return { names, reclaimedBytes };
  }

  async mount(name: string, holder: ContainerId): Promise<{ readonly path: string }> {
    return await this.#locks.run(name, async () => {
      const volume = this.get(name);
      await this.#files.make(name);
      await this.#mounts.hold(volume, holder);
      return { path: volume.mountpoint };
    });
  }

  async unmount(name: string, holder: ContainerId): Promise<void> {
    await this.#locks.run(name, async () => {
      const volume = this.#find(name);
      if (volume !== undefined) await this.#mounts.letGo(volume, holder);
    });
  }

  async release(holder: ContainerId): Promise<readonly string[]> {
    const held = this.#mounts.heldBy(holder);
    for (const name of held) await this.unmount(name, holder);
    return held;
  }

  async sweepMounts(): Promise<void> {
    for (const volume of this.list()) {
      await this.#locks.run(volume.name, async () => {
        if (!this.#mounts.isHeld(volume.name)) await takeDown(volume);
      });
    }
  }

  async usage(name: string): Promise<number> {
    const { options, mountpoint } = this.get(name);
    return localMountOf(options) === undefined ? await sumTree(mountpoint) : 0;
  }

  #find(name: string): Volume | undefined {
    const row = findVolume(this.#room.store, name);
    return row === undefined ? undefined : this.#ofRow(row);
  }

  #ofRow(row: VolumeRow): Volume {
    const { name, created_at } = row;
    const { labels, options } = configOf(row);
    return {
      name,
      driver: 'local',
      createdAtMs: created_at,
      mountpoint: this.#files.mountpoint(name),
      labels,
      options,
      anonymous: Object.hasOwn(labels, ANONYMOUS_LABEL),
    };
  }

  #refuseInUse(name: string, besides: ContainerId | undefined): void {
    const users = this.#room.usersOf(name).filter((id) => id !== besides);
    if (users.length === 0) return;
    throw new EngineError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`);
  }

  #refuseWithSnapshots(name: string): void {
    const count = this.snapshots.list(name).length;
    if (count === 0) return;
    throw new EngineError(
      'conflict',
      `remove ${name}: volume has ${count} snapshot(s), which would go with it; use force`,
    );
  }

  #publish(name: string, action: 'create' | 'destroy'): void {
    this.#room.events.publish({ type: 'volume', action, id: name, attributes: { driver: 'local' } });
  }
}

/** As Docker, labels are not compared. It does not compare options either; silently getting another volume helps nobody. */
function reuse(existing: Volume, options: VolumeSpec['options']): Volume {
  if (Object.keys(options).length === 0 || isDeepStrictEqual(options, existing.options)) return existing;
  throw new EngineError(
    'conflict',
    `create ${existing.name}: a volume of that name exists with other options: volume name must be unique`,
  );
}
