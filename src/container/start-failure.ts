import { EngineError, messageOf, toEngineError } from '#/base/errors.ts';
import { classifyCreateFailure } from '#/runtime/create-failure.ts';
import type { ContainerRecord } from './record.ts';

export interface StartFailure {
  /** The exit code that Docker records: 127 not found, 126 not executable, 128 for the rest. */
  readonly code: number;
  readonly error: EngineError;
}

const PREFIX = 'failed to create task for container: failed to create shim task: OCI runtime create failed';

/** Docker's words for a program that is not there: a path was looked at, a name was searched. */
export function missingText(program: string): string {
  return program.includes('/') ? `stat ${program}: no such file or directory` : 'executable file not found in $PATH';
}

/** A failed start in Docker's words: its clients tell 126 and 127 by searching the text. */
export function describeStartFailure(record: ContainerRecord, cause: unknown): StartFailure {
  const program = [...record.config.process.entrypoint, ...record.config.process.command][0] ?? '';
  const found = classifyCreateFailure(messageOf(cause));
  const exec = `unable to start container process: error during container init: exec: ${JSON.stringify(program)}`;
  if (found === 'command-not-found') {
    const text = `${PREFIX}: ${exec}: ${missingText(program)}`;
    return { code: 127, error: new EngineError('invalid-argument', text, { cause }) };
  }
  if (found === 'command-not-executable') {
    return {
      code: 126,
      error: new EngineError('invalid-argument', `${PREFIX}: ${exec}: permission denied`, { cause }),
    };
  }
  const notDirectory = /chdir `([^`]*)`: Not a directory/.exec(messageOf(cause))?.[1];
  if (notDirectory !== undefined) {
    const text = `Cannot mkdir: ${notDirectory} is not a directory`;
    return { code: 127, error: new EngineError('invalid-argument', text, { cause }) };
  }
  return { code: 128, error: toEngineError(cause, 'start container') };
}
