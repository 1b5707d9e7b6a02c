import { readFileSync } from 'node:fs';
import { toEngineError } from '#/base/errors.ts';

/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** The directory within the file system that is mounted. */
  readonly root: string;
  readonly target: string;
  readonly options: readonly string[];
  /** `shared:1`, `master:2` …; empty for a private mount. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** All mounts of this process's namespace, oldest first at each target. */
export function readMountInfo(): readonly MountInfo[] {
  try {
    return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch (error) {
    throw toEngineError(error, 'read the mounts of this process');
  }
}

/** The mounts at `directory` and below it, in an order in which they could be mounted; unmount them in reverse. */
export function listMounts(directory: string): readonly MountInfo[] {
  const prefix = directory.endsWith('/') ? directory : `${directory}/`;
  return readMountInfo().filter(({ target }) => target === directory || target.startsWith(prefix));
}

/** The topmost mount at exactly this path. */
export function findMount(target: string): MountInfo | undefined {
  return readMountInfo().findLast((row) => row.target === target);
}

export function parseMountInfo(text: string): readonly MountInfo[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [parseLine(line)]));
}

function parseLine(line: string): MountInfo {
  const fields = line.split(' ');
  // The number of optional fields varies; a lone dash ends them.
  const dash = fields.indexOf('-', 6);
  const field = (index: number): string => unescapePath(fields[index] ?? '');
  return {
    id: Number(fields[0]),
    parentId: Number(fields[1]),
    device: field(2),
    root: field(3),
    target: field(4),
    options: field(5).split(','),
    propagation: fields.slice(6, dash),
    type: field(dash + 1),
    source: field(dash + 2),
    superOptions: field(dash + 3).split(','),
  };
}

/** The kernel writes blanks, newlines and backslashes as three octal digits of each byte. */
function unescapePath(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
