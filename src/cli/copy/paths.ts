import { posix } from 'node:path';

/** Path rules of `cp`, where a last `/` or `/.` has a meaning that cleaning a path would lose. */

/** Without `.`, `..`, doubled and trailing slashes. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

export const endsInSlash = (path: string): boolean => path.endsWith('/');

/** `.`, `x/.`: the content of the directory instead of the directory. */
const isContent = (path: string): boolean => baseOf(path) === '.';

/** `x/` and `x/.` say that x is a directory. */
export const assertsDirectory = (path: string): boolean => endsInSlash(path) || isContent(path);

/** The last element, `.` as it stands; `/` of the root. */
export const baseOf = (path: string): string => (/^\/+$/.test(path) ? '/' : posix.basename(path) || '.');

/** The directory and the entry in it; of `x/.` they are `x` and `.`. */
export function splitEntry(path: string): { readonly directory: string; readonly base: string } {
  const clean = cleanPath(path);
  if (isContent(path)) return { directory: clean, base: '.' };
  return { directory: posix.dirname(clean), base: baseOf(clean) };
}

/** A cleaned path with the ending that the original one had. */
export function keepEnding(clean: string, original: string): string {
  if (isContent(original) && !isContent(clean)) return `${endsInSlash(clean) ? clean : `${clean}/`}.`;
  return endsInSlash(original) && !endsInSlash(clean) ? `${clean}/` : clean;
}

/** What a link leads to, as a path from where the link stands. */
export const followLink = (link: string, target: string): string =>
  target.startsWith('/') ? target : posix.join(splitEntry(link).directory, target);
