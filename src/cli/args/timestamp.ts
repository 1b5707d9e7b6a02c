import { parseDuration } from './values.ts';

const DATE = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}(?::\d{2}(?::\d{2}(?:\.(\d{1,9}))?)?)?))?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * A point in time as the API takes it (`seconds.nanoseconds`), from `42m` (before now), seconds since 1970, or a date
 * with as much time as one likes, in local time unless a zone is given. Throws docker's reason.
 */
export function printTimestamp(text: string, nowMs: number): string {
  const duration = durationOf(text);
  if (duration !== undefined) return printSeconds(nowMs - duration / 1e6);
  if (/^-?\d+(\.\d+)?$/.test(text)) return text;
  const [, day, time = '00:00:00', fraction = '', zone] = DATE.exec(text) ?? [];
  const [hour = '00', minute = '00', second = '00'] = time.replace(/\..*/, '').split(':');
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${hour}:${minute}:${second}${zone ?? ''}`);
  if (Number.isNaN(ms)) throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return `${Math.floor(ms / 1000)}.${fraction.padEnd(9, '0')}`;
}

function durationOf(text: string): number | undefined {
  if (/^-?\d+(\.\d+)?$/.test(text)) return undefined;
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

function printSeconds(ms: number): string {
  const whole = Math.floor(ms / 1000);
  const nanoseconds = Math.round((ms - whole * 1000) * 1e6);
  return `${whole}.${String(nanoseconds).padStart(9, '0')}`;
}
