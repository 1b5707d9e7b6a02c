import type { HealthConfig } from '#/spec/docker-api/container.ts';
import type { Flags } from '../args/flag.ts';
import { parseDuration } from '../args/values.ts';

const HEALTH_FLAGS = ['cmd', 'interval', 'timeout', 'retries', 'start-period', 'start-interval'];

/** The `--health-*` options; undefined leaves the image's own check. Throws docker's reasons. */
export function healthOf(flags: Flags): HealthConfig | undefined {
  const isAsked = HEALTH_FLAGS.some((name) => flags.has(`health-${name}`));
  if (flags.bool('no-healthcheck')) {
    if (isAsked) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!isAsked) return undefined;
  const duration = (name: string): number => {
    const value = parseDuration(flags.text(`health-${name}`) ?? '0');
    if (value < 0) throw new Error(`--health-${name} cannot be negative`);
    return value;
  };
  const retries = flags.number('health-retries') ?? 0;
  if (retries < 0) throw new Error('--health-retries cannot be negative');
  const command = flags.text('health-cmd');
  return {
    ...(command === undefined ? {} : { Test: ['CMD-SHELL', command] }),
    Interval: duration('interval'),
    Timeout: duration('timeout'),
    StartPeriod: duration('start-period'),
    StartInterval: duration('start-interval'),
    Retries: retries,
  };
}
