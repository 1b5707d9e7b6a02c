import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { withDeadline } from '#/base/delay.ts';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { readFileInRoot } from '#/linux/open-in-root.ts';
import { processStartTicks } from '#/linux/process-identity.ts';
import type { OciProcess, OciRuntimeConfig } from '#/spec/oci/runtime.ts';
import { clampCapabilities } from './capabilities.ts';
import { classifyCreateFailure, runtimeFailure } from './create-failure.ts';
import { deleteTask } from './delete-task.ts';
import { explainFailure } from './full-disk.ts';
import { monitorArguments, readComplaint, spawnTaskMonitor } from './monitor.ts';
import type { TaskRoom } from './open.ts';
import { type RunDirectory, readPidFile, runDirectory, writeTaskRecord } from './run-directory.ts';
import type { CreateTask, RunningTask } from './runtime.ts';

const CREATE_TIMEOUT_MS = 120_000;

/** Makes the container up to its program. Whatever of it exists when this fails is removed again. */
export async function createTask(room: TaskRoom, input: CreateTask, signal?: AbortSignal): Promise<RunningTask> {
  const directory = runDirectory(room.execRoot, input.id);
  signal?.throwIfAborted();
  // What an earlier task of this container could not take with it goes now.
  if (existsSync(directory.path)) await deleteTask(room, input.id);
  room.quickenCgroups();
  try {
    mkdirSync(directory.path, { mode: 0o700 });
  } catch (error) {
    throw toEngineError(error, `make the run directory of container ${input.id}`);
  }
  try {
    return await createIn(room, directory, input, signal);
  } catch (error) {
    const failure = explainFailure(error, `create container ${input.id}`, [room.execRoot, dirname(input.logPath)]);
    await deleteTask(room, input.id).catch((leftover: unknown) =>
      room.log.warn({ err: leftover, id: input.id }, 'a failed create left something behind'),
    );
    throw failure;
  }
}

async function createIn(
  room: TaskRoom,
  directory: RunDirectory,
  input: CreateTask,
  signal: AbortSignal | undefined,
): Promise<RunningTask> {
  const config = room.filters.apply({ ...input.config, process: clampProcess(room, input.config.process) });
  try {
    writeFileSync(directory.config, JSON.stringify(config), { mode: 0o600 });
  } catch (error) {
    throw toEngineError(error, `write ${directory.config}`);
  }
  const channel = await spawnTaskMonitor(room.tools, taskArguments(room, directory, input), directory.path);
  try {
    const { value: pid, message } = await withDeadline(
      abortable(channel.report(), signal, input.id),
      CREATE_TIMEOUT_MS,
      `creating container ${input.id}`,
    );
    if (pid <= 0) throw createFailure(input.config, input.id, message || readComplaint(directory.path));
    room.filters.learn(input.config, input.id);
    const monitorPid = readPidFile(directory.monitorPidFile);
    writeTaskRecord(directory, {
      pid,
      startTicks: processStartTicks(pid),
      monitorPid,
      logPath: input.logPath,
      cgroupsPath: input.config.linux.cgroupsPath,
      stdinOnce: input.stdinOnce,
    });
    return { pid, monitorPid };
  } finally {
    channel.close();
  }
}

/**
 * The process with only those capabilities that the engine itself holds, since with any other the runtime refuses it, and
 * with unlimited rlimits (-1) as runtimes read them.
 */
export function clampProcess(room: Pick<TaskRoom, 'heldCapabilities'>, process: OciProcess): OciProcess {
  const { capabilities, rlimits = [] } = process;
  return {
    ...process,
    ...(capabilities === undefined ? {} : { capabilities: clampCapabilities(capabilities, room.heldCapabilities) }),
    rlimits: rlimits.map(({ type, soft, hard }) => ({ type, soft: rlimitNumber(soft), hard: rlimitNumber(hard) })),
  };
}

/** 2^64 - 1 is RLIM_INFINITY; as a number of JavaScript's it would be printed rounded up, and refused. */
const UNLIMITED = (JSON as unknown as { rawJSON(text: string): number }).rawJSON('18446744073709551615');
const rlimitNumber = (value: number): number => (value === -1 ? UNLIMITED : value);

function taskArguments(room: TaskRoom, directory: RunDirectory, input: CreateTask): string[] {
  return [
    ...monitorArguments(room.tools, input.id, directory.path),
    ...[
      '--exit-dir',
      directory.path,
      '-p',
      directory.pidFile,
      '-P',
      directory.monitorPidFile,
      '--log-path',
      `k8s-file:${input.logPath}`,
      // An fsync of the log would hold back the exit code for as long as the disk is busy.
      '--no-sync-log',
    ],
    ...(input.terminal ? ['-t'] : []),
    ...(input.openStdin ? ['-i'] : []),
    ...(input.openStdin && !input.stdinOnce ? ['--leave-stdin-open'] : []),
  ];
}

/** crun has one text for a missing program, a directory and a file without the x bit; Docker tells 127 from 126. */
function createFailure(config: OciRuntimeConfig, id: string, message: string): EngineError {
  const [program = ''] = config.process.args;
  const attempted = `create container ${id}`;
  if (classifyCreateFailure(message) !== 'command-not-found' || !program.includes('/')) {
    return runtimeFailure(attempted, message);
  }
  const isThere = readFileInRoot(config.root.path, program, 0) !== undefined;
  return runtimeFailure(attempted, isThere ? `exec: ${JSON.stringify(program)}: permission denied` : message);
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, id: string): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new EngineError('canceled', `creating container ${id} was canceled`));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
