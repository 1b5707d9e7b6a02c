import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDaemon } from '../support/daemon.ts';
import { type World, worldSnapshot } from '../support/world.ts';
import { busyboxArchive, loadImage, removeEverything, runContainer } from './api.ts';

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
    processes: world.processes
      .map((line) => line.replace(/^\d+ /, ''))
      .filter((line) => !isOwn(line))
      .sort(),
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

const TABLES_OF_OBJECTS =
  /^(containers|container_states|images|image_layers|image_references|layers|endpoints|networks|sandboxes|leases|lease_items|volumes|volume_snapshots)$/;

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

/** A world to compare with: directories that are made for the first container and kept are there. */
export async function settledWorld(daemon: TestDaemon): Promise<LastingWorld> {
  await loadImage(daemon, busyboxArchive());
  await runContainer(daemon, { name: 'first', command: ['true'], network: 'bridge' });
  await removeEverything(daemon);
  return lastingWorld(daemon);
}

/** Waits until the world is as it was; fails with the difference. */
export async function assertNothingLeaked(daemon: Roots, before: LastingWorld, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const difference = differenceOf(lastingWorld(daemon), before);
    if (difference.length === 0) return;
    if (Date.now() > deadline) assert.fail(`left behind (+) or missing (-):\n${difference.join('\n')}`);
    await sleep(100);
  }
}

function differenceOf(now: LastingWorld, before: LastingWorld): string[] {
  return (Object.keys(before) as (keyof LastingWorld)[]).flatMap((key) => [
    ...without(now[key], before[key]).map((line) => `+ ${key}: ${line}`),
    ...without(before[key], now[key]).map((line) => `- ${key}: ${line}`),
  ]);
}

/** The lines of one list that the other has not, each as often as it is missing. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const rest = [...others];
  return lines.filter((line) => {
    const at = rest.indexOf(line);
    if (at !== -1) rest.splice(at, 1);
    return at === -1;
  });
}
