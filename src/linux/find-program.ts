import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { EngineError } from '#/base/errors.ts';

/** Where distributions keep programs that a service's or a user's PATH leaves out. */
const FURTHER_DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/libexec/podman',
  '/usr/lib/podman',
  '/usr/libexec',
];

/** The absolute path of a host program, from PATH and the places beyond it; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  if (isAbsolute(name)) return isExecutable(name) ? name : undefined;
  const path = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute);
  for (const directory of new Set([...path, ...FURTHER_DIRECTORIES])) {
    const candidate = join(directory, name);
    if (isExecutable(candidate)) return candidate;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a program to be started. Throws not-found, naming it. */
export function locateProgram(program: string): string {
  if (program.includes('/')) return program;
  const path = findProgram(program);
  if (path === undefined) throw new EngineError('not-found', `the program ${program} is not installed on this host`);
  return path;
}
