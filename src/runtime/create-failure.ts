import { EngineError } from '#/base/errors.ts';

export type CreateFailure = 'command-not-found' | 'command-not-executable' | 'other';

const NOT_EXECUTABLE = [
  // runc and Gantry's own text
  /exec: "[^"]*": (?:permission denied|is a directory)/,
  // crun
  /open executable: (?:Operation not permitted|Permission denied)/,
  /exec(?:ve)? `?[^:`]*`?: Permission denied/,
];

const NOT_FOUND = [
  // crun
  /executable file `[^`]*` not found/,
  // runc
  /executable file not found in \$PATH/,
  /exec: "[^"]*": stat [^:]*: no such file or directory/,
  /exec: "[^"]*": no such file or directory/,
];

/**
 * What a runtime's text about a failed create or exec says of the command: Docker answers 127, 126 and other codes for
 * these. (crun gives one text for missing files, directories and files without the x bit; `createTask` looks into the root
 * and adds the difference before such an error leaves this room.)
 */
export function classifyCreateFailure(text: string): CreateFailure {
  if (NOT_EXECUTABLE.some((pattern) => pattern.test(text))) return 'command-not-executable';
  if (NOT_FOUND.some((pattern) => pattern.test(text))) return 'command-not-found';
  return 'other';
}

/** An error that carries the runtime's own words. */
export function runtimeFailure(attempted: string, text: string): EngineError {
  const said = runtimeWords(text);
  const kind = classifyCreateFailure(said) === 'other' ? 'internal' : 'invalid-argument';
  return new EngineError(kind, `${attempted}: ${said === '' ? 'the OCI runtime failed without a message' : said}`);
}

/** runc's log lines, `time=… level=error msg="…"`, without their frame. */
export function runtimeWords(text: string): string {
  const messages = [...text.matchAll(/ level=(?:error|fatal) msg="((?:[^"\\]|\\.)*)"/g)];
  const last = messages.at(-1)?.[1];
  return last === undefined ? text.trim() : last.replace(/\\(["\\])/g, '$1');
}
