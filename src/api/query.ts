import { EngineError } from '#/base/errors.ts';

/** Docker's booleans: absent, empty, `0`, `no`, `false` and `none` are false. */
export function boolOf(query: URLSearchParams, name: string, fallback = false): boolean {
  const text = query.get(name);
  if (text === null) return fallback;
  return !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase());
}

/** A whole number, or undefined where the parameter is absent or empty. Throws invalid-argument. */
export function intOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new EngineError(
      'invalid-argument',
      `invalid value ${JSON.stringify(text)} for ${name}: a whole number expected`,
    );
  }
  return value;
}

export type Filters = ReadonlyMap<string, readonly string[]>;

/** The `filters` parameter, in both of Docker's forms (`{"a":["b"]}` and `{"a":{"b":true}}`). Throws for a name not in `known`. */
export function filtersOf(query: URLSearchParams, known: readonly string[]): Filters {
  const text = query.get('filters');
  if (text === null || text === '') return new Map();
  const filters = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(parseFilters(text))) {
    if (!known.includes(name)) throw new EngineError('invalid-argument', `invalid filter '${name}'`);
    filters.set(name, Array.isArray(values) ? values.map(String) : Object.keys(values ?? {}));
  }
  return filters;
}

function parseFilters(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw new EngineError('invalid-argument', `invalid filters ${JSON.stringify(text)}: a JSON object of lists expected`);
}

/**
 * A time as Docker's clients send it, in milliseconds: seconds since the epoch with a fraction, or RFC 3339.
 * Throws invalid-argument.
 */
export function timeMsOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(value)) return value;
  throw new EngineError(
    'invalid-argument',
    `invalid value ${JSON.stringify(text)} for ${name}: seconds since the epoch or RFC 3339 expected`,
  );
}

/** A filter that is true or false; undefined where it is not given. Throws invalid-argument, with Docker's text, for anything else. */
export function flagOf(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name);
  if (values === undefined || values.length === 0) return undefined;
  const [value = ''] = values;
  const isTrue = ['1', 'true'].includes(value);
  if (values.length === 1 && (isTrue || ['0', 'false'].includes(value))) return isTrue;
  throw new EngineError('invalid-argument', `invalid filter '${name}=[${values.join(' ')}]'`);
}
