import type { ContainerConfig } from '#/engine/index.ts';

/**
 * What `docker logs --details` puts before each line: the labels and variables that `--log-opt labels`, `labels-regex`,
 * `env` and `env-regex` name, sorted, as `key=value` joined by commas; and a blank, also where there are none.
 */
export function printLogDetails({ log: { options }, labels, process }: ContainerConfig): string {
  const env = Object.fromEntries(process.env.map((entry) => [nameOf(entry), entry.slice(nameOf(entry).length + 1)]));
  const chosen = [
    ...choose(labels, options.labels, options['labels-regex']),
    ...choose(env, options.env, options['env-regex']),
    ...(options.tag === undefined || options.tag === '' ? [] : [['tag', options.tag] as const]),
  ];
  const pairs = new Map(chosen.map(([key, value]) => [encodeURIComponent(key), encodeURIComponent(value)]));
  return `${[...pairs.keys()]
    .sort()
    .map((key) => `${key}=${pairs.get(key)}`)
    .join(',')} `;
}

const nameOf = (entry: string): string => entry.split('=', 1)[0] ?? '';

function choose(
  values: Readonly<Record<string, string>>,
  names: string | undefined,
  pattern: string | undefined,
): readonly (readonly [string, string])[] {
  const wanted = new Set((names ?? '').split(','));
  const expression = pattern === undefined || pattern === '' ? undefined : toRegExp(pattern);
  return Object.entries(values).filter(([key]) => wanted.has(key) || (expression?.test(key) ?? false));
}

function toRegExp(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern);
  } catch {
    return undefined;
  }
}
