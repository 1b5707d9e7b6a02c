import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { OciResources } from '#/spec/oci/runtime.ts';
import type { TaskRoom } from './open.ts';
import { findExit, findTaskRecord, isMonitorAlive, readPidFile, runDirectory } from './run-directory.ts';
import { runRuntime } from './run-runtime.ts';
import type { ObservedTask } from './runtime.ts';
import { isInitAlive, signalInit } from './task-process.ts';

export async function observeTask(room: TaskRoom, id: ContainerId): Promise<ObservedTask | undefined> {
  const directory = runDirectory(room.execRoot, id);
  if (!existsSync(directory.path)) return undefined;
  const monitorAlive = isMonitorAlive(directory.control);
  const stopped = { status: 'stopped', pid: 0, monitorAlive } as const;
  if (findExit(directory) !== undefined) return stopped;
  const record = findTaskRecord(directory);
  if (record === undefined) {
    // The engine ended in the middle of a create; its program has not been let run.
    const pid = readPidFile(directory.pidFile);
    return pid === 0 ? stopped : { status: 'created', pid, monitorAlive };
  }
  if (!isInitAlive(record)) return stopped;
  return { status: await statusOfLive(room, id, directory.paused), pid: record.pid, monitorAlive };
}

async function statusOfLive(room: TaskRoom, id: ContainerId, pausedMark: string): Promise<ObservedTask['status']> {
  if (existsSync(join(room.tools.stateRoot, id, 'exec.fifo'))) return 'created';
  if (!existsSync(pausedMark)) return 'running';
  // The mark says that a pause was asked for, not that it happened.
  const state = JSON.parse(await runRuntime(room.tools, ['state', id], `inspect container ${id}`)) as {
    status: string;
  };
  return state.status === 'paused' ? 'paused' : 'running';
}

export async function killTask(room: TaskRoom, id: ContainerId, signal: number, all: boolean): Promise<boolean> {
  const record = findTaskRecord(runDirectory(room.execRoot, id));
  if (record === undefined || (!all && !signalInit(record, signal))) return false;
  if (!all) return true;
  if (!isInitAlive(record)) return false;
  await runRuntime(room.tools, ['kill', '--all', id, String(signal)], `kill container ${id}`);
  return true;
}

export async function pauseTask(room: TaskRoom, id: ContainerId): Promise<void> {
  const { paused, path } = runDirectory(room.execRoot, id);
  if (!existsSync(path)) throw new EngineError('not-found', `container ${id} has no task to pause`);
  writeFileSync(paused, '');
  try {
    await runRuntime(room.tools, ['pause', id], `pause container ${id}`);
  } catch (error) {
    rmSync(paused, { force: true });
    throw error;
  }
}

export async function resumeTask(room: TaskRoom, id: ContainerId): Promise<void> {
  await runRuntime(room.tools, ['resume', id], `resume container ${id}`);
  rmSync(runDirectory(room.execRoot, id).paused, { force: true });
}

export async function updateTask(room: TaskRoom, id: ContainerId, resources: OciResources): Promise<void> {
  const { path } = runDirectory(room.execRoot, id);
  if (!existsSync(path)) throw new EngineError('not-found', `container ${id} has no task to update`);
  const file = `${path}/resources.json`;
  try {
    writeFileSync(file, JSON.stringify(resources), { mode: 0o600 });
    await runRuntime(room.tools, ['update', '--resources', file, id], `update container ${id}`);
  } finally {
    rmSync(file, { force: true });
  }
}
