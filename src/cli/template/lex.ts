/** A mistake in a template, with Go's words where docker's users know them. */
export class TemplateError extends Error {}

export type Token =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'open' | 'close' }
  | { readonly kind: 'variable' | 'word' | 'operator'; readonly value: string }
  /** `joined` where no blank stands before it: `.A.B` is one operand, `.A .B` are two. */
  | { readonly kind: 'field'; readonly value: string; readonly joined: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number };

const PART =
  /(\s+)|("(?:[^"\\\n]|\\.)*")|`([^`]*)`|'((?:[^'\\]|\\.)+)'|([+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))|(\.[\p{L}_][\p{L}\p{N}_]*)|(\$[\p{L}\p{N}_]*)|([\p{L}_][\p{L}\p{N}_]*)|(:=|[|().,=])/uy;

/** Text, and the parts of each `{{action}}` between `open` and `close`. Comments vanish; `{{-` and `-}}` trim. */
export function lex(template: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at < template.length) {
    const start = template.indexOf('{{', at);
    let text = start < 0 ? template.slice(at) : template.slice(at, start);
    if (trimNext) text = text.trimStart();
    if (start < 0) {
      if (text !== '') tokens.push({ kind: 'text', value: text });
      break;
    }
    const trimsBefore = /^-\s/.test(template.slice(start + 2, start + 4));
    if (trimsBefore) text = text.trimEnd();
    if (text !== '') tokens.push({ kind: 'text', value: text });
    const inside = start + (trimsBefore ? 3 : 2);
    const comment = /^\s*\/\*[\s\S]*?\*\/\s*?(-?)\}\}/.exec(template.slice(inside));
    if (comment !== null) {
      at = inside + comment[0].length;
      trimNext = comment[1] === '-';
      continue;
    }
    const end = lexAction(template, inside, tokens);
    trimNext = end.trims;
    at = end.at;
  }
  return tokens;
}

function lexAction(template: string, start: number, tokens: Token[]): { at: number; trims: boolean } {
  tokens.push({ kind: 'open' });
  let at = start;
  for (;;) {
    const trims = /^\s-\}\}/.test(template.slice(at, at + 4));
    if (trims || template.startsWith('}}', at)) {
      tokens.push({ kind: 'close' });
      return { at: at + (trims ? 4 : 2), trims };
    }
    if (at >= template.length) throw new TemplateError('unclosed action');
    PART.lastIndex = at;
    const match = PART.exec(template);
    if (match === null) throw unexpected(template, at);
    const token = tokenOf(match, /[\p{L}\p{N}_)$]/u.test(template[at - 1] ?? ''));
    if (token !== undefined) tokens.push(token);
    at += match[0].length;
  }
}

function unexpected(template: string, at: number): TemplateError {
  const character = String.fromCodePoint(template.codePointAt(at) ?? 0);
  if (character === '"') return new TemplateError('unterminated quoted string');
  if (character === '`') return new TemplateError('unterminated raw quoted string');
  return new TemplateError(`unexpected ${JSON.stringify(character)} in command`);
}

function tokenOf(match: RegExpExecArray, joined: boolean): Token | undefined {
  const [, blank, quoted, raw, character, number, field, variable, word, operator] = match;
  if (blank !== undefined) return undefined;
  if (quoted !== undefined) return { kind: 'string', value: unquote(quoted.slice(1, -1)) };
  if (raw !== undefined) return { kind: 'string', value: raw };
  if (character !== undefined) return { kind: 'number', value: unquote(character).codePointAt(0) ?? 0 };
  if (number !== undefined) return { kind: 'number', value: Number(number) };
  if (field !== undefined) return { kind: 'field', value: field.slice(1), joined };
  if (variable !== undefined) return { kind: 'variable', value: variable };
  if (word !== undefined) return { kind: 'word', value: word };
  return { kind: 'operator', value: operator ?? '' };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

function unquote(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (_, code: string) => {
    if (code.length > 1) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    return ESCAPES[code] ?? code;
  });
}
