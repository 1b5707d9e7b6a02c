import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import type { EventBus } from '#/events/events.ts';
import { copyTree } from '#/linux/copy-tree.ts';
import { exchangePaths } from '#/linux/exchange.ts';
import { fsyncDirectory } from '#/linux/sync.ts';
import { removeTree, sumTree } from '#/linux/trees.ts';
import { deleteSnapshotRow, insertSnapshot, listSnapshotsOfVolume, type SnapshotRow } from '#/store/snapshots.ts';
import type { Store } from '#/store/store.ts';
import { localMountOf } from './local-options.ts';
import type { VolumeSnapshot, VolumeSnapshots } from './snapshots.ts';
import type { VolumeFiles } from './volume-files.ts';
import { isVolumeName } from './volume-names.ts';
import type { Volume } from './volumes.ts';

/** Copies that are not whole yet, or on their way out. */
const UNFINISHED = '.unfinished-';

export interface SnapshotRoom {
  readonly store: Store;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  readonly files: VolumeFiles;
  /** Of volumes, by name. */
  readonly locks: KeyedMutex<string>;
  get(name: string): Volume;
  isHeld(name: string): boolean;
}

/**
 * Snapshots lie in `volumes/<name>/snapshots/<id>`, beside the volume's `_data`, and go with it. One appears whole (copied aside,
 * synced, renamed, then the row) and goes whole (row, renamed aside, deleted).
 */
export class LocalSnapshots implements VolumeSnapshots {
  readonly #room: SnapshotRoom;
  /** Held by whoever copies from or into a volume, or deletes what others may be copying. */
  readonly #queue = new KeyedMutex<string>();

  constructor(room: SnapshotRoom) {
    this.#room = room;
  }

  /** Runs a copy from or into a volume, one at a time on each; the volume cannot be removed meanwhile. */
  async whileCopying<T>(volume: string, body: () => Promise<T>): Promise<T> {
    return await this.#queue.run(volume, body);
  }

  isCopying(volume: string): boolean {
    return this.#queue.isLocked(volume);
  }

  list(volume: string): readonly VolumeSnapshot[] {
    this.#room.get(volume);
    return listSnapshotsOfVolume(this.#room.store, volume).map(snapshotOfRow);
  }

  async create(volume: string, name: string | undefined): Promise<VolumeSnapshot> {
    return await this.whileCopying(volume, () => this.#create(volume, name));
  }

  async #create(volume: string, name: string | undefined): Promise<VolumeSnapshot> {
    const { mountpoint } = getKept(this.#room.get(volume));
    this.#checkName(volume, name);
    const directory = this.#directory(volume);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const id = randomBytes(6).toString('hex');
    const unfinished = join(directory, `${UNFINISHED}${id}`);
    try {
      await mkdir(unfinished, { mode: 0o700 });
      await copyTree({ source: mountpoint, destination: unfinished, sync: true });
      const size = await sumTree(unfinished);
      await rename(unfinished, join(directory, id));
      await fsyncDirectory(directory);
      const row = { id, volume, name: name ?? null, created_at: this.#room.clock.now(), size };
      this.#insert(row);
      this.#publish(volume, 'snapshot', id);
      return snapshotOfRow(row);
    } catch (error) {
      await removeTree(unfinished).catch(() => {});
      await removeTree(join(directory, id)).catch(() => {});
      throw error;
    }
  }

  async remove(volume: string, reference: string): Promise<void> {
    await this.whileCopying(volume, () => this.#remove(volume, reference));
  }

  async #remove(volume: string, reference: string): Promise<void> {
    const { id } = this.#find(volume, reference);
    deleteSnapshotRow(this.#room.store, id);
    const aside = join(this.#directory(volume), `${UNFINISHED}${id}`);
    await rename(join(this.#directory(volume), id), aside);
    await removeTree(aside);
  }

  async restore(volume: string, reference: string): Promise<void> {
    await this.whileCopying(volume, () => this.#restore(volume, reference));
  }

  async #restore(volume: string, reference: string): Promise<void> {
    const { mountpoint } = getKept(this.#room.get(volume));
    const { id } = this.#find(volume, reference);
    this.#refuseHeld(volume);
    const fresh = join(this.#room.files.directory(volume), `${UNFINISHED}${randomUUID()}`);
    try {
      await mkdir(fresh, { mode: 0o700 });
      await copyTree({ source: join(this.#directory(volume), id), destination: fresh, sync: true });
      await this.#room.locks.run(volume, async () => {
        this.#refuseHeld(volume);
        exchangePaths(fresh, mountpoint);
        await fsyncDirectory(this.#room.files.directory(volume));
      });
    } finally {
      await removeTree(fresh);
    }
    this.#publish(volume, 'restore', id);
  }

  /** Removes what a crash left half-made or half-removed; forgets snapshots whose files are gone. */
  async sweep(volume: string): Promise<void> {
    const { store, files, log } = this.#room;
    const directory = this.#directory(volume);
    const rows = listSnapshotsOfVolume(store, volume);
    const isKnown = (name: string) => rows.some(({ id }) => id === name);
    const found = existsSync(directory) ? readdirSync(directory) : [];
    const unfinished = readdirSync(files.directory(volume)).filter((name) => name.startsWith(UNFINISHED));
    for (const name of found.filter((one) => !isKnown(one))) await removeTree(join(directory, name));
    for (const name of unfinished) await removeTree(join(files.directory(volume), name));
    for (const { id } of rows.filter((row) => !found.includes(row.id))) {
      log.warn({ volume, snapshot: id }, 'a snapshot has lost its files: forgetting it');
      deleteSnapshotRow(store, id);
    }
  }

  #directory(volume: string): string {
    return join(this.#room.files.directory(volume), 'snapshots');
  }

  #find(volume: string, reference: string): SnapshotRow {
    this.#room.get(volume);
    const rows = listSnapshotsOfVolume(this.#room.store, volume);
    const row = rows.find(({ id }) => id === reference) ?? rows.find(({ name }) => name === reference);
    if (row === undefined) throw new EngineError('not-found', `volume ${volume} has no snapshot ${reference}`);
    return row;
  }

  #checkName(volume: string, name: string | undefined): void {
    if (name === undefined) return;
    if (!isVolumeName(name)) {
      throw new EngineError(
        'invalid-argument',
        `invalid snapshot name ${JSON.stringify(name)}: letters, digits, _, . and - expected, the first a letter or digit`,
      );
    }
    if (listSnapshotsOfVolume(this.#room.store, volume).some((row) => row.name === name || row.id === name)) {
      throw new EngineError('conflict', `volume ${volume} has a snapshot ${name} already`);
    }
  }

  #insert(row: SnapshotRow): void {
    this.#room.store.transaction(() => {
      this.#room.get(row.volume);
      if (row.name !== null) this.#checkName(row.volume, row.name);
      insertSnapshot(this.#room.store, row);
    });
  }

  #refuseHeld(volume: string): void {
    if (!this.#room.isHeld(volume)) return;
    throw new EngineError(
      'conflict',
      `restore ${volume}: a running container has it mounted; stop the container first`,
    );
  }

  #publish(volume: string, action: 'snapshot' | 'restore', snapshot: string): void {
    this.#room.events.publish({ type: 'volume', action, id: volume, attributes: { driver: 'local', snapshot } });
  }
}

/** The volume, if its data are kept by Gantry itself. Throws invalid-argument for one that is mounted from elsewhere. */
export function getKept(volume: Volume): Volume {
  if (localMountOf(volume.options) === undefined) return volume;
  throw new EngineError(
    'invalid-argument',
    `volume ${volume.name} is mounted from elsewhere by its options: only volumes whose data are kept here can be copied`,
  );
}

const snapshotOfRow = ({ id, name, created_at, size }: SnapshotRow): VolumeSnapshot => ({
  id,
  name: name ?? undefined,
  createdAtMs: created_at,
  sizeBytes: size,
});
