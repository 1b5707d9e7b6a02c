import { readFileSync } from 'node:fs';

/** `a=b` and `a` as a map. */
export function toMap(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** Files of `NAME=VALUE` lines, then single options; a bare NAME takes the value that it has here, if any. */
export function environmentOf(files: readonly string[], texts: readonly string[], env: NodeJS.ProcessEnv): string[] {
  const fromFiles = files.flatMap((file) => readLines(file, (name) => env[name]));
  const fromOptions = texts.map((text) => {
    const value = text.includes('=') ? undefined : env[text];
    return value === undefined ? text : `${text}=${value}`;
  });
  return [...fromFiles, ...fromOptions];
}

/** Files of labels, then single options. */
export function labelsOf(files: readonly string[], texts: readonly string[]): Readonly<Record<string, string>> {
  return toMap([...files.flatMap((file) => readLines(file, () => '')), ...texts]);
}

function readLines(file: string, lookUp: (name: string) => string | undefined): string[] {
  const lines = readText(file)
    .replace(/^\ufeff/, '')
    .split('\n');
  return lines.flatMap((raw) => {
    const line = raw.replace(/\r$/, '').trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (/\s/.test(name)) throw new Error(`invalid env file (${file}): variable '${name}' contains whitespaces`);
    if (name === '') throw new Error(`invalid env file (${file}): no variable name on line '${line}'`);
    if (equals >= 0) return [line];
    const value = lookUp(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

/** A file's text; failures in Go's words, which docker's users see. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(describeOpenFailure(file, error as NodeJS.ErrnoException));
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

export const describeOpenFailure = (file: string, error: NodeJS.ErrnoException): string =>
  `open ${file}: ${REASONS[error.code ?? ''] ?? error.message}`;
