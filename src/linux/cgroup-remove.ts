import { rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import { type Cgroup, findControllerDirectory, listBelow, listPids } from './cgroup.ts';

const INTERVAL_MS = 5;
const TIMEOUT_MS = 5000;

/**
 * Kills every process in the group and below, also frozen ones, and waits until none is left. Throws deadline-exceeded
 * where some survive (processes that sleep in the kernel).
 */
export async function killCgroup(cgroup: Cgroup, { timeoutMs = TIMEOUT_MS } = {}): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pids = listPids(cgroup); pids.length > 0; pids = listPids(cgroup)) {
    // What forks faster than we read is caught by the kernel (v2), or by one of the next rounds.
    if (!killInKernel(cgroup)) for (const pid of pids) kill(pid);
    thaw(cgroup);
    if (performance.now() >= deadline) {
      throw new EngineError(
        'deadline-exceeded',
        `processes ${pids.join(', ')} of ${cgroup.path} survived SIGKILL for ${timeoutMs} ms`,
      );
    }
    await sleep(INTERVAL_MS);
  }
}

/** cgroup.kill, from Linux 5.14 on; a frozen group dies too. */
function killInKernel(cgroup: Cgroup): boolean {
  const unified = cgroup.directories.find(
    ({ version, hidden, controllers }) => version === 2 && !hidden && controllers.length > 0,
  );
  return unified !== undefined && write(join(unified.directory, 'cgroup.kill'), '1');
}

/** A process in a frozen v1 group dies only when the group thaws. */
function thaw(cgroup: Cgroup): void {
  const directory = findControllerDirectory(cgroup, 'freezer');
  if (directory === undefined) return;
  for (const group of [...listBelow(directory), directory]) write(join(group, 'freezer.state'), 'THAWED');
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    // 0 stands for a process that this pid namespace does not see; to kill(2) it means our own group.
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}

/**
 * Removes the group and all below it from every hierarchy; tolerates absence. Its processes must be ended: for the moment
 * that the last of them takes to leave it waits, then throws conflict.
 */
export async function removeCgroup(cgroup: Cgroup, { timeoutMs = TIMEOUT_MS } = {}): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const { directory, hidden } of cgroup.directories) {
    if (hidden) {
      // A plain directory, in which crun leaves plain files of the names that it expects (cgroup.procs).
      rmSync(directory, { recursive: true, force: true });
      continue;
    }
    for (const group of [...listBelow(directory), directory]) {
      while (!remove(group)) {
        if (performance.now() >= deadline) {
          throw new EngineError('conflict', `remove control group ${group}: it is still in use after ${timeoutMs} ms`, {
            errno: 'EBUSY',
          });
        }
        await sleep(INTERVAL_MS);
      }
    }
  }
}

/** False while processes are in it. */
function remove(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return true;
    if (errno === 'EBUSY' || errno === 'ENOTEMPTY') return false;
    throw toEngineError(error, `remove control group ${directory}`);
  }
}
