/** A value as Go's fmt prints it with %v: `map[a:1 b:2]`, `[a b]`, `<nil>`. */
export function printValue(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(printValue).join(' ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${entries.map(([key, one]) => `${key}:${printValue(one)}`).join(' ')}]`;
  }
  return String(value);
}

/** Go's truth: neither zero, empty nor nil. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The number of characters' bytes, elements or keys; undefined for anything else. */
export function lengthOf(value: unknown): number | undefined {
  // What JSON says is null is, almost always, an empty list or map in Go.
  if (value === null) return 0;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined;
}

/** Go's %v, %s, %d, %q, %t, %x, %f with width, `-`, `0` and precision. */
export function printFormatted(format: string, values: readonly unknown[]): string {
  const rest = [...values];
  const text = format.replace(
    /%([-+0# ]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (rest.length === 0) return `%!${verb}(MISSING)`;
      const printed = printVerb(verb, rest.shift(), precision === undefined ? undefined : Number(precision));
      const wide = Number(width || 0);
      if (flags.includes('-')) return printed.padEnd(wide);
      return printed.padStart(wide, flags.includes('0') ? '0' : ' ');
    },
  );
  return rest.length === 0
    ? text
    : `${text}%!(EXTRA ${rest.map((one) => `${typeof one}=${printValue(one)}`).join(', ')})`;
}

function printVerb(verb: string, value: unknown, precision: number | undefined): string {
  switch (verb) {
    case 'q':
      return JSON.stringify(printValue(value));
    case 'x':
      return typeof value === 'number' ? value.toString(16) : Buffer.from(printValue(value)).toString('hex');
    case 'f':
      return Number(value).toFixed(precision ?? 6);
    case 'd':
      return typeof value === 'number' ? String(Math.trunc(value)) : `%!d(${typeof value}=${printValue(value)})`;
    case 's':
      return typeof value === 'number' ? `%!s(int=${value})` : printValue(value).slice(0, precision);
    default:
      return printValue(value);
  }
}
