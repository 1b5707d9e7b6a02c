import { closeSync, constants, openSync, readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';

/** Where the files of one task are; all of it follows from the id. */
export interface RunDirectory {
  readonly path: string;
  readonly config: string;
  /** The init's pid, written by the OCI runtime. */
  readonly pidFile: string;
  readonly monitorPidFile: string;
  /** conmon's fifo for resizes and log reopening. */
  readonly control: string;
  readonly attach: string;
  /** The exit code; conmon names it after the container. Its time is when the task ended. */
  readonly exit: string;
  /** conmon makes it when the kernel kills for memory. */
  readonly oom: string;
  /** A `TaskRecord`. */
  readonly record: string;
  /** There from before a pause until after the resume. */
  readonly paused: string;
}

/** What cannot be computed from the id; written once the monitor has reported the task's pid. */
export interface TaskRecord {
  readonly pid: number;
  /** Of the init; undefined where it had ended by the time it could be read. */
  readonly startTicks: number | undefined;
  readonly monitorPid: number;
  readonly logPath: string;
  readonly cgroupsPath: string;
  /** Whether the first client that leaves takes the task's stdin with it. */
  readonly stdinOnce: boolean;
}

export const runDirectoriesOf = (execRoot: string): string => join(execRoot, 'c');

export function runDirectory(execRoot: string, id: ContainerId): RunDirectory {
  const path = join(runDirectoriesOf(execRoot), id);
  const at = (name: string): string => `${path}/${name}`;
  return {
    path,
    config: at('config.json'),
    pidFile: at('pidfile'),
    monitorPidFile: at('monitor'),
    control: at('ctl'),
    attach: at('attach'),
    exit: at(id),
    oom: at('oom'),
    record: at('task.json'),
    paused: at('paused'),
  };
}

export function writeTaskRecord(directory: RunDirectory, record: TaskRecord): void {
  writeFileSync(`${directory.record}.tmp`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${directory.record}.tmp`, directory.record);
}

/** Undefined where the create did not get as far as the task's pid. */
export function findTaskRecord(directory: RunDirectory): TaskRecord | undefined {
  const text = readIfThere(directory.record);
  return text === undefined ? undefined : (JSON.parse(text) as TaskRecord);
}

export interface RecordedExit {
  readonly code: number;
  readonly finishedAtMs: number;
}

/** Undefined until the monitor has recorded the exit. */
export function findExit(directory: RunDirectory): RecordedExit | undefined {
  const text = readIfThere(directory.exit);
  if (text === undefined || text === '') return undefined;
  return { code: Number(text) & 0xff, finishedAtMs: Math.floor(statSync(directory.exit).mtimeMs) };
}

/** A pid that somebody else's program wrote; 0 where there is none. */
export function readPidFile(path: string): number {
  const pid = Number(readIfThere(path)?.trim());
  return Number.isSafeInteger(pid) && pid > 0 ? pid : 0;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw toEngineError(error, `read ${path}`);
  }
}

/**
 * True while the monitor lives: it alone holds its control fifo open for reading, so nothing else's pid can be mistaken
 * for it, and a monitor that has ended but is not reaped does not count.
 */
export function isMonitorAlive(controlPath: string): boolean {
  const fd = openControl(controlPath);
  if (fd === undefined) return false;
  closeSync(fd);
  return true;
}

/** Sends one command to a monitor. Throws unavailable where it has gone. */
export function sendControl(controlPath: string, command: string): void {
  const fd = openControl(controlPath);
  if (fd === undefined) throw new EngineError('unavailable', `nobody listens on ${controlPath}: the task has ended`);
  try {
    writeSync(fd, `${command}\n`);
  } finally {
    closeSync(fd);
  }
}

function openControl(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENXIO' || errno === 'ENOENT') return undefined;
    throw toEngineError(error, `open ${path}`);
  }
}
