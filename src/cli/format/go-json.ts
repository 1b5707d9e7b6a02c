/** A value as Go's encoder writes it: objects' keys as they come, `<`, `>` and `&` escaped. */
export function printJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The same with sorted keys at the top, as Go writes maps. */
export function printSortedJson(value: Readonly<Record<string, unknown>>): string {
  return printJson(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/**
 * JSON text laid out with the given indent, everything else as it was: parsing it and printing it again would lose the
 * order of keys that look like numbers, and the last digits of large numbers.
 */
export function indentJson(text: string, indent: string, prefix = ''): string {
  const out: string[] = [];
  let depth = 0;
  const newline = (): void => {
    out.push(`\n${prefix}${indent.repeat(depth)}`);
  };
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;
  let previous = '';
  for (const [part] of text.matchAll(token)) {
    const opened = previous === '{' || previous === '[';
    if (part === '}' || part === ']') {
      depth--;
      if (!opened) newline();
    } else if (opened || previous === ',') {
      newline();
    }
    out.push(part === ':' ? ': ' : part);
    if (part === '{' || part === '[') depth++;
    previous = part;
  }
  return out.join('');
}
