import type { CommandOptions } from '../tests/support/command.ts';
import { runCommand } from '../tests/support/command.ts';
import type { BenchEngine, EngineName } from './engine.ts';
import type { BenchImages } from './images.ts';

export type Unit = 'ms' | 'MB' | 'ratio' | 'count';

/** What a row promises: a ratio to dockerd's median, or a bound of its own. */
export type Goal =
  | { readonly kind: 'ratio'; readonly atMost: number }
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

/** Runs the engine's command line and fails loudly, so that no row measures an error message. */
export async function cli(engine: BenchEngine, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand([...engine.cli, ...args], {
    timeoutMs: 300_000,
    ...options,
    env: { ...engine.env, ...options.env },
  });
  if (result.code !== 0) {
    throw new Error(`${engine.name} ${args.join(' ')}: exit code ${result.code}\n${result.stderr}${result.stdout}`);
  }
  return result.stdout.trim();
}

/** Milliseconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
