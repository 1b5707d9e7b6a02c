import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDaemon } from '../support/daemon.ts';
import { type World, worldSnapshot } from '../support/world.ts';

/** A world in which daemons may come and go: without pids, without the daemon and its files, with what the database names. */
export interface LastingWorld extends World {
  readonly rows: readonly string[];
}

type Roots = Pick<TestDaemon, 'dataRoot' | 'execRoot'>;

const DAEMON_FILES = /\/(gantry\.(sock|pid)|daemon\.lock|engine-id|ns\/boot-id)$/;

export function lastingWorld(daemon: Roots): LastingWorld {
  const world = worldSnapshot(daemon);
  return {
    ...world,
    processes: world.processes.map((line) => line.replace(/^\d+ /, '')).filter((line) => !isOwn(line)).sort(),
    paths: [...world.paths, ...deepPaths(daemon)].filter((path) => !DAEMON_FILES.test(path)),
    rows: rowsOf(join(daemon.dataRoot, 'gantry.db')),
  };
}

/** The daemon, and the programs that it runs for moments. */
const isOwn = (line: string): boolean => /daemon\.ts|^(sh|nsenter|flock) /.test(line);

/** What lies one level deeper than the snapshot looks: blobs, and directories of containers and roots. */
function deepPaths({ dataRoot }: Roots): string[] {
  return ['content/blobs/sha256', 'content/ingest'].flatMap((directory) => {
    const path = join(dataRoot, directory);
    return readdirSync(path).map((name) => join(path, name));
  });
}

const TABLES_OF_OBJECTS = /^(containers|container_states|images|image_layers|image_references|layers|endpoints|leases|lease_items)$/;

function rowsOf(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    return tables
      .filter(({ name }) => TABLES_OF_OBJECTS.test(name))
      .map(({ name }) => `${name}: ${Object.values(db.prepare(`SELECT count(*) FROM ${name}`).get() ?? {})[0]}`)
      .sort();
  } finally {
    db.close();
  }
}

/** Waits until the world is as it was; fails with the difference. */
export async function assertNothingLeaked(daemon: Roots, before: LastingWorld, timeoutMs = 8000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      assert.deepEqual(lastingWorld(daemon), before);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(100);
  }
}
