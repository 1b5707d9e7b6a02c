import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchEngine, type EngineName, preparePeers, startEngine } from './engine.ts';
import { describeMachine, makeBenchImages } from './images.ts';
import { installNetworkTools } from './network-tools.ts';
import { printTable, type RowResult, summarize } from './report.ts';
import { cli, type Row, type RowContext } from './row.ts';
import { CLIENT_ROWS } from './rows/client.ts';
import { COMMAND_ROWS } from './rows/commands.ts';
import { COPY_ROWS } from './rows/copies.ts';
import { IMAGE_ROWS } from './rows/images.ts';
import { INSIDE_ROWS } from './rows/inside.ts';
import { LAYER_ROWS } from './rows/layers.ts';
import { NETWORK_ROWS } from './rows/networks.ts';
import { RESIDENT_ROWS } from './rows/residents.ts';

const ROWS: readonly Row[] = [
  ...COMMAND_ROWS,
  ...CLIENT_ROWS,
  ...RESIDENT_ROWS,
  ...IMAGE_ROWS,
  ...LAYER_ROWS,
  ...INSIDE_ROWS,
  ...NETWORK_ROWS,
  ...COPY_ROWS,
];

const HELP = `npm run bench -- [--json] [--quick] [--rows ID,…] [--engines gantry,dockerd,podman]
rows: ${ROWS.map((row) => row.id).join(' ')}`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      rows: { type: 'string' },
      engines: { type: 'string', default: 'gantry,dockerd,podman' },
    },
  });
  if (values.help) return console.log(HELP);
  const wanted = values.rows?.split(',');
  const rows = ROWS.filter((row) => wanted === undefined || wanted.includes(row.id));
  const names = values.engines.split(',') as EngineName[];
  const context: RowContext = { images: makeBenchImages(), isQuick: values.quick };
  if (rows.some((row) => NETWORK_ROWS.includes(row))) installNetworkTools();
  await preparePeers(names);
  const results = await measure(rows, names, context);
  const lines = results.map(summarize);
  if (values.json) {
    const samples = Object.fromEntries(results.map((result) => [result.row.id, result.samples]));
    console.log(JSON.stringify({ machine: describeMachine(), rows: lines, samples }, undefined, 2));
  } else {
    console.log(`\n${describeMachine()}; medians\n\n${printTable(lines, names)}`);
  }
}

async function measure(rows: readonly Row[], names: readonly EngineName[], context: RowContext): Promise<RowResult[]> {
  mkdirSync('/var/tmp', { recursive: true });
  const directory = mkdtempSync(join(process.env.TMPDIR === undefined ? '/var/tmp' : tmpdir(), 'gantry-bench-'));
  const engines: BenchEngine[] = [];
  const interrupted = () => {
    void Promise.all(engines.map((engine) => engine.stop())).finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    for (const name of names) {
      const engine = await startEngine(name, join(directory, name));
      engines.push(engine);
      await cli(engine, ['load', '-i', context.images.smallArchive]);
      await cli(engine, ['load', '-i', context.images.bigArchive]);
    }
    const results: RowResult[] = [];
    for (const row of rows) results.push(await measureRow(row, engines, context));
    return results;
  } finally {
    for (const engine of engines) await engine.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Samples in turn, A B A B …, so that whatever else the machine does falls on all alike. The first round warms up. */
async function measureRow(row: Row, all: readonly BenchEngine[], context: RowContext): Promise<RowResult> {
  const engines = all.filter((engine) => row.engines.includes(engine.name));
  const samples = Object.fromEntries(engines.map((engine) => [engine.name, [] as number[]]));
  const count = context.isQuick ? Math.min(3, row.samples) : row.samples;
  const warmUps = row.samples > 3 ? 1 : 0;
  console.error(`${row.id} …`);
  try {
    for (const engine of engines) await row.prepare?.(engine, context);
    for (let round = 0; round < count + warmUps; round += 1) {
      for (const engine of engines) {
        const value = await row.sample(engine, context);
        if (round >= warmUps) samples[engine.name]?.push(value);
      }
    }
    for (const engine of engines) await row.finish?.(engine, context);
    return { row, samples };
  } catch (error) {
    return { row, samples, error: error instanceof Error ? error.message : String(error) };
  }
}

await main();
