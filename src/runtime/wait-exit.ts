import { existsSync, type FSWatcher, watch } from 'node:fs';
import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { readOomKills } from '#/linux/cgroup.ts';
import { unreapedExitCode } from '#/linux/process-identity.ts';
import type { TaskRoom } from './open.ts';
import {
  findExit,
  findTaskRecord,
  isMonitorAlive,
  type RecordedExit,
  type RunDirectory,
  runDirectory,
} from './run-directory.ts';
import type { TaskExit } from './runtime.ts';
import { taskCgroup } from './task-cgroup.ts';
import { isInitAlive } from './task-process.ts';

const CHECK_INTERVAL_MS = 1000;
/** Where the kernel has no more inotify watches for us. */
const UNWATCHED_INTERVAL_MS = 100;

const LOST_EXIT_CODE = 255;
/** How long a monitor may take to record an exit. */
const MONITOR_GRACE_MS = 1500;

type EndOfTask = RecordedExit | 'lost';

/** Throws not-found where there is no such task, canceled when `signal` aborts. */
export async function waitExit(room: TaskRoom, id: ContainerId, signal: AbortSignal): Promise<TaskExit> {
  const directory = runDirectory(room.execRoot, id);
  if (!existsSync(directory.path)) throw new EngineError('not-found', `container ${id} has no task to wait for`);
  const end = await waitForEnd(room, directory, signal);
  const oomKilled = wasOomKilled(room, id, directory);
  return end === 'lost'
    ? { code: LOST_EXIT_CODE, known: false, oomKilled, finishedAtMs: room.clock.now() }
    : { ...end, known: true, oomKilled };
}

function wasOomKilled(room: TaskRoom, id: ContainerId, directory: RunDirectory): boolean {
  if (existsSync(directory.oom)) return true;
  const record = findTaskRecord(directory);
  return record !== undefined && readOomKills(taskCgroup(room, id, record.cgroupsPath)) > 0;
}

/**
 * Waits for the monitor's exit file. 'lost' where none will come: the monitor was killed and the init has ended, or the
 * run directory has gone. A task whose monitor was killed counts as running for as long as its init does.
 */
function waitForEnd(room: TaskRoom, directory: RunDirectory, signal: AbortSignal): Promise<EndOfTask> {
  return new Promise((resolve, reject) => {
    const silent = new SilentMonitor(room.clock);
    const check = (): void => {
      const end = findEnd(directory, silent);
      if (end !== undefined) settle(() => resolve(end));
    };
    const onAbort = (): void => settle(() => reject(new EngineError('canceled', 'waiting for an exit was canceled')));
    const watcher = watchDirectory(directory, check);
    const timer = setInterval(check, watcher === undefined ? UNWATCHED_INTERVAL_MS : CHECK_INTERVAL_MS);
    const settle = (finish: () => void): void => {
      watcher?.close();
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else check();
  });
}

function watchDirectory(directory: RunDirectory, check: () => void): FSWatcher | undefined {
  const name = directory.exit.slice(directory.path.length + 1);
  try {
    const watcher = watch(directory.path, (_event, changed) => {
      if (changed === name || changed === null) check();
    });
    watcher.on('error', () => {}); // The timer goes on checking.
    return watcher;
  } catch {
    return undefined;
  }
}

function findEnd(directory: RunDirectory, silent: SilentMonitor): EndOfTask | undefined {
  const recorded = findExit(directory);
  if (recorded !== undefined) return recorded;
  if (isMonitorAlive(directory.control)) return silent.check(directory);
  if (!existsSync(directory.path)) return 'lost';
  const record = findTaskRecord(directory);
  if (record !== undefined && isInitAlive(record)) return undefined;
  // The monitor may have recorded the exit and ended since we looked.
  return findExit(directory) ?? 'lost';
}

/**
 * A monitor that cannot write its log (a full disk) tries for ever, and neither reaps the init nor records its exit. The
 * code is then read from the kernel, after giving the monitor its time.
 */
class SilentMonitor {
  readonly #clock: Clock;
  #firstSeen: RecordedExit | undefined;
  #seenAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  check(directory: RunDirectory): RecordedExit | undefined {
    const record = findTaskRecord(directory);
    if (record?.startTicks === undefined) return undefined;
    const code = unreapedExitCode(record.pid, record.startTicks);
    if (code === undefined) return undefined;
    if (this.#firstSeen === undefined) {
      this.#firstSeen = { code, finishedAtMs: this.#clock.now() };
      this.#seenAtMs = performance.now();
    }
    return performance.now() - this.#seenAtMs >= MONITOR_GRACE_MS ? this.#firstSeen : undefined;
  }
}
