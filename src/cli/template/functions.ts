import { printJson } from '../format/go-json.ts';
import { TemplateError } from './lex.ts';
import { isTrue, lengthOf, printFormatted, printValue } from './value.ts';

type TemplateFunction = (...args: readonly unknown[]) => unknown;

const text = (value: unknown): string => (typeof value === 'string' ? value : printValue(value));
const words = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw new TemplateError('incompatible types for comparison');
}

function index(value: unknown, ...keys: readonly unknown[]): unknown {
  let found: unknown = value;
  for (const key of keys) {
    if (found === undefined || found === null) throw new TemplateError('error calling index: index of untyped nil');
    if (Array.isArray(found)) {
      const at = Number(key);
      if (at < 0 || at >= found.length) throw new TemplateError(`error calling index: index out of range: ${at}`);
      found = found[at];
    } else if (typeof found === 'object') {
      found = Object.hasOwn(found, String(key)) ? (found as Record<string, unknown>)[String(key)] : '';
    } else throw new TemplateError(`error calling index: can't index item of type ${typeof found}`);
  }
  return found;
}

/** Go's own template functions and docker's additions to them. */
export const TEMPLATE_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  and: (...args) => args.find((one) => !isTrue(one)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  not: (value) => !isTrue(value),
  eq: (first, ...others) => others.some((other) => other === first),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  index,
  len: (value) => {
    const length = lengthOf(value);
    if (length === undefined) throw new TemplateError('error calling len: len of nil pointer');
    return length;
  },
  slice: (value, from, to) => {
    const end = to === undefined ? undefined : Number(to);
    return Array.isArray(value) ? value.slice(Number(from ?? 0), end) : text(value).slice(Number(from ?? 0), end);
  },
  print: (...args) => args.map(text).join(' '),
  println: (...args) => `${args.map(text).join(' ')}\n`,
  printf: (format, ...args) => printFormatted(text(format), args),
  html: (value) => text(value).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`),
  urlquery: (value) => encodeURIComponent(text(value)),
  json: (value) => printJson(value),
  split: (value, separator) => text(value).split(text(separator)),
  join: (values, separator) => words(values).map(text).join(text(separator)),
  title: (value) =>
    text(value).replace(/(^|\s)(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad: (value, before, after) => ' '.repeat(Number(before)) + text(value) + ' '.repeat(Number(after)),
  truncate: (value, length) => text(value).slice(0, Number(length)),
};
