const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span in words as docker says it: `About a minute`, `3 weeks`. */
export function printSpan(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < MINUTE) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / HOUR);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / DAY / 365)} years`;
}

export const printAgo = (secondsSince1970: number, nowMs: number): string =>
  `${printSpan(nowMs / 1000 - secondsSince1970)} ago`;

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `1.98MB`: powers of 1000, as many digits as asked (4 unless told). */
export const printSize = (bytes: number, digits = 4): string => scale(bytes, 1000, DECIMAL, digits);

/** `1.944MiB`: powers of 1024. */
export const printBinarySize = (bytes: number, digits = 4): string => scale(bytes, 1024, BINARY, digits);

function scale(bytes: number, base: number, units: readonly string[], digits: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  return `${significant(size, digits)}${units[unit]}`;
}

/** Go's %.4g: significant digits without trailing zeros. */
function significant(value: number, digits: number): string {
  const text = value.toPrecision(digits);
  if (text.includes('e')) return value >= 10 ** digits ? exponent(value, digits) : String(Number(text));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function exponent(value: number, digits: number): string {
  const [mantissa = '', power = ''] = value.toExponential(digits - 1).split('e+');
  return `${mantissa.replace(/\.?0+$/, '')}e+${power.padStart(2, '0')}`;
}

/** The local time as docker's `CreatedAt` shows it: `2026-11-21 02:07:44 +0000 UTC`. */
export function printLocalTime(secondsSince1970: number): string {
  const date = new Date(secondsSince1970 * 1000);
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time} ${zone} ${zoneName(date, zone)}`;
}

function zoneName(date: Date, zone: string): string {
  const name = /\(([A-Z]{2,5})\)$/.exec(date.toString())?.[1];
  if (name !== undefined) return name;
  return zone === '+0000' ? 'UTC' : zone;
}
