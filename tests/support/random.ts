import { randomInt } from 'node:crypto';

export interface Random {
  readonly seed: number;
  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number;
  pick<T>(values: readonly T[]): T;
}

/** Repeatable randomness: takes `SEED` from the environment or draws one, and prints it. */
export function seededRandom(print: (line: string) => void = console.log): Random {
  const seed = Number.parseInt(process.env.SEED ?? '', 10) || randomInt(1, 2 ** 31);
  print(`SEED=${seed}`);
  let state = seed;
  // Mulberry32: small, good enough to choose moments and operations.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <T>(values: readonly T[]): T => {
    if (values.length === 0) throw new Error('nothing to pick from');
    return values[below(values.length)] as T;
  };
  return { seed, below, pick };
}

/** True under `npm run test:all`: long loops run whole. */
export const isLongRun = process.env.GANTRY_TEST_LONG === '1';
