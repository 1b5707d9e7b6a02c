import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DEFAULT_LAYER_LIMITS } from '#/layer/open.ts';
import { WorkerPool } from '#/layer/worker-pool.ts';
import type { BenchImages } from '../images.ts';
import { type Row, timed } from '../row.ts';

interface Indexing {
  readonly tookMs: number;
  readonly delayMs: number;
}

/** Indexes the large layer in a worker, as ingest and derive do, and watches this thread's event loop meanwhile. */
async function indexOnce(images: BenchImages): Promise<Indexing> {
  const directory = mkdtempSync('/var/tmp/gantry-bench-index-');
  const workers = new WorkerPool({ size: 1, idleMs: 1000, onIdle: () => {} });
  const derive = (name: string) => {
    const outputPath = join(directory, name);
    const request = { tarPath: images.manyFilesTar, form: 'erofs', outputPath, limits: DEFAULT_LAYER_LIMITS } as const;
    return workers.run({ job: 'derive', request }, () => {}).result;
  };
  try {
    // The first run starts the worker and warms the page cache, as the store of a layer would have.
    await derive('warm-up');
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    const tookMs = await timed(() => derive('index'));
    delays.disable();
    return { tookMs, delayMs: delays.max / 1e6 };
  } finally {
    await workers.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const index: Row = {
  id: 'index',
  title: 'index of a 250 MB layer of 11,500 files, in a worker',
  unit: 'ms',
  goal: { kind: 'atMost', value: 500 },
  engines: ['gantry'],
  samples: 5,
  sample: async (_, { images }) => (await indexOnce(images)).tookMs,
};

const indexDelay: Row = {
  id: 'index-delay',
  title: 'longest event-loop delay meanwhile',
  unit: 'ms',
  goal: { kind: 'atMost', value: 20 },
  engines: ['gantry'],
  samples: 5,
  sample: async (_, { images }) => (await indexOnce(images)).delayMs,
};

export const LAYER_ROWS: readonly Row[] = [index, indexDelay];
