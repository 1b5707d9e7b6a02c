import { isIPv4 } from 'node:net';

/** Go's ParseInt for one option's value, with its texts. */
export function checkInt(text: string): void {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (!Number.isSafeInteger(Number(text))) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
}

/** An unsigned number of 16 bits. */
export function checkUint16(text: string): void {
  const wrong = (why: string): Error => new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^\d+$/.test(text)) throw wrong('invalid syntax');
  if (Number(text) > 65535) throw wrong('value out of range');
}

/** An IPv4 address of the loopback. */
export function checkLoopbackAddress(text: string): void {
  if (!isIPv4(text) || !text.startsWith('127.')) throw new Error('an address in 127.0.0.0/8 expected');
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `64m`, `1.5GiB`, `1024`: bytes, in powers of 1024. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)*) ?([kmgtp])?(?:i?b)?$/i.exec(text);
  const power = SIZE_UNITS[(match?.[2] ?? '').toLowerCase()];
  const count = Number(match?.[1] ?? Number.NaN);
  if (match === null || power === undefined || Number.isNaN(count)) throw new Error(`invalid size: '${text}'`);
  return Math.floor(count * 1024 ** power);
}

/** The same, and -1 for no limit. */
export const parseBytesOrUnlimited = (text: string): number => (text === '-1' ? -1 : parseBytes(text));

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's duration (`1m30s`, `1.5h`, `-2s`) in nanoseconds. */
export function parseDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign, rest = ''] = /^([+-]?)(.*)$/.exec(text) ?? [];
  if (rest === '0') return 0;
  if (rest === '') throw new Error(`time: invalid duration ${quoted}`);
  let total = 0;
  let at = 0;
  const part = /(\d*\.?\d*)([^\d.]*)/y;
  while (at < rest.length) {
    part.lastIndex = at;
    const [whole = '', count = '', unit = ''] = part.exec(rest) ?? [];
    if (!/\d/.test(count)) throw new Error(`time: invalid duration ${quoted}`);
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`);
    const factor = NANOSECONDS[unit];
    if (factor === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    total += Number(count) * factor;
    at += whole.length;
  }
  return Math.round(sign === '-' ? -total : total);
}

/** Cpus as a decimal number, in billionths (`NanoCpus`). */
export function parseCpus(text: string): number {
  const [, top, bottom] = /^([+-]?\d*\.?\d*(?:e[+-]?\d+)?)(?:\/(\d+))?$/i.exec(text) ?? [];
  const value = Number(top) / Number(bottom ?? 1);
  if (top === undefined || top === '' || !Number.isFinite(value)) {
    throw new Error(`failed to parse ${text} as a rational number`);
  }
  const billionths = Math.round(value * 1e9);
  if (Math.abs(billionths - value * 1e9) > 1e-3) throw new Error('value is too precise');
  return billionths;
}

/** `name=value` pairs of `--filter`, as the API wants them: `{"name": {"value": true}}`. Undefined if there are none. */
export function encodeFilters(filters: readonly string[]): string | undefined {
  if (filters.length === 0) return undefined;
  const sorted: Record<string, Record<string, boolean>> = {};
  for (const filter of filters) {
    const equals = filter.indexOf('=');
    const name = filter.slice(0, equals).trim().toLowerCase();
    sorted[name] ??= {};
    sorted[name][filter.slice(equals + 1).trim()] = true;
  }
  return JSON.stringify(sorted);
}

export function checkFilter(text: string): void {
  if (!text.includes('=')) throw new Error('bad format of filter (expected name=value)');
}

/** `name` or `name=value`, with a name. */
export function checkLabel(text: string): void {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid label '${text}': empty name`);
}
