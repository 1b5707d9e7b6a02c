import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../../tests/support/daemon.ts';
import { create, start } from '../api.ts';
import type { BenchEngine } from '../engine.ts';
import { measureMemory } from '../memory.ts';
import { cli, type Row } from '../row.ts';

const SETTLE_MS = 3000;
const IDLE_CONTAINERS = 20;
const MANY_CONTAINERS = 300;

const daemonMemory: Row = {
  id: 'daemon-memory',
  title: 'daemon idle, PSS',
  unit: 'MB',
  goal: { kind: 'atMost', value: 100 },
  engines: ['gantry', 'dockerd'],
  samples: 3,
  sample: async (engine) => {
    await sleep(SETTLE_MS);
    return measureMemory(engine).daemonMb;
  },
};

const containerMemory: Row = {
  id: 'container-memory',
  title: 'idle container beside its own processes, PSS',
  unit: 'MB',
  goal: { kind: 'atMost', value: 1 },
  engines: ['gantry', 'dockerd'],
  samples: 1,
  sample: async (engine) => {
    const before = measureMemory(engine);
    const ids = await startMany(engine, IDLE_CONTAINERS);
    await sleep(SETTLE_MS);
    const after = measureMemory(engine);
    await cli(engine, ['rm', '-f', ...ids]);
    return (after.monitorsMb - before.monitorsMb) / IDLE_CONTAINERS;
  },
};

const many: Row = {
  id: 'many',
  title: `${MANY_CONTAINERS} idle containers started and stopped: failures`,
  unit: 'count',
  goal: { kind: 'atMost', value: 0 },
  engines: ['gantry'],
  samples: 1,
  sample: async (engine, { isQuick }) => {
    const socketPath = engine.socketPath ?? '';
    const ids = await startMany(engine, isQuick ? 30 : MANY_CONTAINERS);
    let failures = 0;
    await inTurns(ids, 10, async (id) => {
      const stopped = await callApi(socketPath, 'POST', `/containers/${id}/stop?t=0`);
      const removed = await callApi(socketPath, 'DELETE', `/containers/${id}?force=1`);
      if (stopped.status >= 400 || removed.status >= 400) failures += 1;
    });
    return failures;
  },
};

async function startMany(engine: BenchEngine, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inTurns(Array.from({ length: count }), 10, async () => {
    const id = await create(engine, {});
    await start(engine, id);
    ids.push(id);
  });
  return ids;
}

async function inTurns<T>(values: readonly T[], width: number, work: (value: T) => Promise<void>): Promise<void> {
  const queue = values.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const value of queue) await work(value);
    }),
  );
}

export const RESIDENT_ROWS: readonly Row[] = [daemonMemory, containerMemory, many];
