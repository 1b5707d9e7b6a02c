import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { spawnProgram } from '../src/linux/spawn-program.ts';
import type { BenchEngine, EngineName } from './engine.ts';
import type { BenchImages } from './images.ts';

export type Unit = 'ms' | 'MB' | 'ratio' | 'count' | 'Gbit/s';

/** What a row promises: a ratio to dockerd's median, or a bound of its own. */
export type Goal =
  | { readonly kind: 'ratio'; readonly atMost: number }
  | { readonly kind: 'ratioAtLeast'; readonly value: number }
  | { readonly kind: 'atMost'; readonly value: number }
  | { readonly kind: 'atLeast'; readonly value: number };

export interface RowContext {
  readonly images: BenchImages;
  readonly isQuick: boolean;
}

/** One line of the report: a figure measured in turn on each engine. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly goal?: Goal;
  readonly engines: readonly EngineName[];
  readonly samples: number;
  /** Once per engine before the samples; what it returns is handed to each. */
  prepare?(engine: BenchEngine, context: RowContext): Promise<void>;
  sample(engine: BenchEngine, context: RowContext): Promise<number>;
  /** Once per engine after the samples. */
  finish?(engine: BenchEngine, context: RowContext): Promise<void>;
}

const COMMAND_TIMEOUT_MS = 300_000;

/**
 * Runs the engine's command line and fails loudly, so that no row measures an error message. Started by posix_spawn: Node's
 * own spawn adds 7 to 14 ms to every engine's time, which flatters the slow ones' ratios.
 */
export async function cli(engine: BenchEngine, args: readonly string[]): Promise<string> {
  const [program = '', ...before] = engine.cli;
  const child = await spawnProgram(program, [...before, ...args], {
    env: { ...(process.env as Record<string, string>), ...engine.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
  });
  const [stdout, stderr, { code }] = await Promise.all([outputOf(child.stdout), outputOf(child.stderr), child.exited]);
  if (code !== 0) {
    throw new Error(`${engine.name} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  }
  return stdout.trim();
}

const outputOf = (stream: Readable | undefined): Promise<string> =>
  stream === undefined ? Promise.resolve('') : text(stream);

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
