import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { poll } from '#/base/delay.ts';
import { EngineError, toEngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { killCgroup, removeCgroup } from '#/linux/cgroup-remove.ts';
import { findProcessesByArgument } from '#/linux/proc.ts';
import type { TaskRoom } from './open.ts';
import { findTaskRecord, isMonitorAlive, type RunDirectory, readPidFile, runDirectory } from './run-directory.ts';
import { runRuntime } from './run-runtime.ts';
import { taskCgroup } from './task-cgroup.ts';
import { isInitAlive, signalProcess } from './task-process.ts';

const SIGKILL = 9;
/** How long a monitor may take to write down what it still holds of the output. */
const MONITOR_GRACE_MS = 2000;
const MONITOR_KILL_MS = 2000;

/** Ends and removes whatever exists of a task; each part may be missing, also all of them. */
export async function deleteTask(room: TaskRoom, id: ContainerId): Promise<void> {
  const directory = runDirectory(room.execRoot, id);
  const stateDirectory = join(room.tools.stateRoot, id);
  if (existsSync(directory.path) && findTaskRecord(directory) === undefined) await endCreation(room, id);
  if (existsSync(stateDirectory) || existsSync(directory.path))
    await removeContainer(room, id, directory, stateDirectory);
  await endMonitor(room, id, directory);
  try {
    rmSync(directory.path, { recursive: true, force: true });
  } catch (error) {
    throw toEngineError(error, `remove the run directory of container ${id}`);
  }
}

/**
 * A create whose engine was killed, or that took too long, may be going on: ends its monitor and runtime before what they
 * make is removed. Both name the container in their arguments.
 */
async function endCreation(room: TaskRoom, id: ContainerId): Promise<void> {
  const hasEnded = (): true | undefined => {
    const pids = findProcessesByArgument(id);
    for (const pid of pids) signalProcess(pid, SIGKILL);
    return pids.length === 0 ? true : undefined;
  };
  if (await poll(hasEnded, { intervalMs: 5, timeoutMs: MONITOR_KILL_MS })) return;
  room.log.warn({ id }, 'the creation of a container does not end when killed');
}

async function removeContainer(
  room: TaskRoom,
  id: ContainerId,
  directory: RunDirectory,
  stateDirectory: string,
): Promise<void> {
  const cgroupsPath = findTaskRecord(directory)?.cgroupsPath ?? readCgroupsPath(directory);
  const cgroup = cgroupsPath === undefined ? undefined : taskCgroup(room, id, cgroupsPath);
  // Without processes and cgroup nothing is left but the runtime's notes; its own `delete` would cost a process. A
  // systemd scope, and a group that might be somebody else's too, are for the runtime.
  if (cgroup === undefined || room.tools.systemdCgroup || room.cgroups.mode === 'none' || !cgroup.path.endsWith(id)) {
    await deleteByRuntime(room, id, directory);
  } else await killCgroup(cgroup);
  if (cgroup?.path.includes(id)) await removeCgroup(cgroup);
  rmSync(stateDirectory, { recursive: true, force: true });
}

async function deleteByRuntime(room: TaskRoom, id: ContainerId, directory: RunDirectory): Promise<void> {
  await runRuntime(room.tools, ['delete', '--force', id], `delete container ${id}`).catch((error: unknown) => {
    if (isStillThere(directory)) throw error;
    // A create or delete that was cut short leaves notes that the runtime itself cannot read.
    room.log.debug({ err: error, id }, 'the OCI runtime could not delete a container that has no process');
  });
}

function isStillThere(directory: RunDirectory): boolean {
  const record = findTaskRecord(directory);
  return record !== undefined && isInitAlive(record);
}

function readCgroupsPath(directory: RunDirectory): string | undefined {
  try {
    const config = JSON.parse(readFileSync(directory.config, 'utf8')) as { linux?: { cgroupsPath?: string } };
    return config.linux?.cgroupsPath;
  } catch {
    return undefined;
  }
}

async function endMonitor(room: TaskRoom, id: ContainerId, directory: RunDirectory): Promise<void> {
  const hasEnded = (timeoutMs: number): Promise<true | undefined> =>
    poll(() => (isMonitorAlive(directory.control) ? undefined : true), { intervalMs: 1, timeoutMs });
  if (await hasEnded(MONITOR_GRACE_MS)) return;
  // It holds its fifo, so the pid in its file is still its own.
  const pid = readPidFile(directory.monitorPidFile);
  room.log.warn({ id, pid }, 'the container monitor does not end by itself and is killed');
  if (pid !== 0) signalProcess(pid, SIGKILL);
  if (await hasEnded(MONITOR_KILL_MS)) return;
  throw new EngineError('internal', `the monitor ${pid} of container ${id} cannot be ended`);
}
