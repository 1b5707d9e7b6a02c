/** A value as JSON on one line. */
export const printJson = (value: unknown): string => JSON.stringify(value) ?? 'null';

/** The same as docker's lists write it, where `<`, `>` and `&` are escaped. */
export function printEscapedJson(value: unknown): string {
  return printJson(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** JSON text without those escapes, otherwise as it was. */
export const unescapeJson = (text: string): string =>
  text.replace(/\\(u003c|u003e|u0026|.)/g, (whole, code: string) =>
    code.length === 5 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : whole,
  );

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
