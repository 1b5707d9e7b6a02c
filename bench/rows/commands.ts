import { api, create, start } from '../api.ts';
import type { BenchEngine } from '../engine.ts';
import { SMALL_IMAGE } from '../images.ts';
import { cli, type Row, timed } from '../row.ts';

const ALL = ['gantry', 'dockerd', 'podman'] as const;
const DAEMONS = ['gantry', 'dockerd'] as const;
const TOGETHER = 20;

async function removeAll(engine: BenchEngine): Promise<void> {
  const ids = (await cli(engine, ['ps', '-aq'])).split('\n').filter(Boolean);
  if (ids.length > 0) await cli(engine, ['rm', '-f', ...ids]);
}

const runNone: Row = {
  id: 'run-none',
  title: 'run --rm --network none IMAGE true',
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 0.3 },
  engines: ALL,
  samples: 15,
  sample: (engine) => timed(() => cli(engine, ['run', '--rm', '--network', 'none', SMALL_IMAGE, 'true'])),
};

const runBridge: Row = {
  id: 'run-bridge',
  title: 'run --rm IMAGE true, default bridge',
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 0.25 },
  engines: ALL,
  samples: 15,
  sample: (engine) => timed(() => cli(engine, ['run', '--rm', SMALL_IMAGE, 'true'])),
};

const apiStart: Row = {
  id: 'api-start',
  title: 'API start of a created container, request to running',
  unit: 'ms',
  goal: { kind: 'atMost', value: 40 },
  engines: DAEMONS,
  samples: 15,
  sample: async (engine) => {
    const id = await create(engine, {});
    const tookMs = await timed(() => start(engine, id));
    await api(engine, 'DELETE', `/containers/${id}?force=1`);
    return tookMs;
  },
};

const exec: Row = {
  id: 'exec',
  title: 'exec C true',
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 0.5 },
  engines: ALL,
  samples: 15,
  prepare: async (engine) => {
    await cli(engine, ['run', '-d', '--name', 'bench-exec', SMALL_IMAGE, 'sleep', '3600']);
  },
  sample: (engine) => timed(() => cli(engine, ['exec', 'bench-exec', 'true'])),
  finish: async (engine) => {
    await cli(engine, ['rm', '-f', 'bench-exec']);
  },
};

const together: Row = {
  id: 'run-20',
  title: `${TOGETHER} × run -d at once`,
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 0.2 },
  engines: ALL,
  samples: 5,
  sample: async (engine) => {
    const one = () => cli(engine, ['run', '-d', SMALL_IMAGE, 'sleep', '3600']);
    const tookMs = await timed(() => Promise.all(Array.from({ length: TOGETHER }, one)));
    await removeAll(engine);
    return tookMs;
  },
};

export const COMMAND_ROWS: readonly Row[] = [runNone, runBridge, apiStart, exec, together];
