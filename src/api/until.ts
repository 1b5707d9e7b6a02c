import { EngineError } from '#/base/errors.ts';
import type { Filters } from './query.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/**
 * The filter `until` of Docker's prunes, in milliseconds since the epoch: a Go duration (`24h`, `1h30m`) before now, seconds
 * since the epoch or a date. Undefined where it is not given; throws invalid-argument.
 */
export function untilMsOf(filters: Filters, nowMs: number): number | undefined {
  const values = filters.get('until');
  if (values === undefined) return undefined;
  const [text = '', ...others] = values;
  if (others.length > 0) throw new EngineError('invalid-argument', 'more than one until filter specified');
  const agoMs = durationMs(text);
  if (agoMs !== undefined) return nowMs - agoMs;
  const timeMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(timeMs)) throw new EngineError('invalid-argument', `invalid filter 'until=${text}'`);
  return timeMs;
}

const DURATION = /^(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+$/;

function durationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}
