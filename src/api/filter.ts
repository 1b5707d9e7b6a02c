import type { Filters } from './query.ts';

/** `key` or `key=value`, all of which must hold. */
export function matchesLabels(
  wanted: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (wanted ?? []).every((want) => {
    const separator = want.indexOf('=');
    if (separator === -1) return Object.hasOwn(labels, want);
    return labels[want.slice(0, separator)] === want.slice(separator + 1);
  });
}

/** What the filters `label` and `label!` of a prune leave over: all of the one, none of the other. */
export function matchesPruneLabels(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  const unwanted = filters.get('label!') ?? [];
  return matchesLabels(filters.get('label'), labels) && !unwanted.some((label) => matchesLabels([label], labels));
}

/** Docker's shell patterns over `name` or `name:tag`: `*` and `?` stop at slashes. */
export function matchesReference(pattern: string, reference: string): boolean {
  const expression = new RegExp(`^${globSource(pattern)}$`);
  const colon = reference.lastIndexOf(':');
  const repository = colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference;
  return expression.test(reference) || expression.test(repository);
}

function globSource(pattern: string): string {
  return pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
}

/** Docker matches names by regular expression, anywhere in them; a pattern that is none matches as plain text. */
export function matchesName(patterns: readonly string[] | undefined, names: readonly string[]): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => {
    try {
      const expression = new RegExp(pattern);
      return names.some((name) => expression.test(name));
    } catch {
      return names.some((name) => name.includes(pattern));
    }
  });
}
