import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#/base/clock.ts';
import type { ContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { EventBus } from '#/events/events.ts';
import { openStore, type Store } from '#/store/store.ts';
import { openVolumes } from '../open.ts';
import type { VolumeSpec, Volumes } from '../volumes.ts';

/** Volumes over a data root of their own. */
export interface World {
  readonly dataRoot: string;
  readonly store: Store;
  readonly users: Map<string, readonly ContainerId[]>;
  readonly volumes: Volumes;
  /** The same roots opened once more, as after a crash. */
  again(): Promise<Volumes>;
}

export async function inWorld(body: (world: World) => Promise<void>): Promise<void> {
  const dataRoot = mkdtempSync(join(tmpdir(), 'volumes-'));
  using store = openStore(join(dataRoot, 'gantry.db'));
  const users = new Map<string, readonly ContainerId[]>();
  const again = () =>
    openVolumes({
      dataRoot,
      store,
      events: new EventBus(systemClock),
      log: silentLogger,
      clock: systemClock,
      usersOf: (name) => users.get(name) ?? [],
    });
  await body({ dataRoot, store, users, again, volumes: await again() });
  rmSync(dataRoot, { recursive: true });
}

export const spec = (name: string, options: VolumeSpec['options'] = {}): VolumeSpec => ({
  name,
  driver: '',
  labels: {},
  options,
});
