import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { TaskExit } from '#/runtime/runtime.ts';
import { type ContainerRecord, findById, publishContainerEvent, setState } from './record.ts';
import { removeWhileLocked } from './remove.ts';
import { planRestart, restartDelayMs } from './restart-policy.ts';
import type { ContainerRoom } from './room.ts';
import { unmountSharedMemory } from './shared-memory.ts';
import { startWhileLocked } from './start.ts';
import { type EndedRun, isAlive } from './state.ts';
import { unmountVolumes } from './volume-mounts.ts';

const RETRY_MS_MAX = 10_000;

/** Records the container's end whenever it comes. Returns at once; stops watching when the engine closes. */
export function watchExit(room: ContainerRoom, id: ContainerId): void {
  void watch(room, id).catch((error: unknown) => {
    if (!room.settings.closing.aborted) room.log.error({ err: error, container: id }, 'exit could not be recorded');
  });
}

/** An exit that cannot be recorded (a full disk) is tried again, for as long as the row says that there is a process. */
async function watch(room: ContainerRoom, id: ContainerId): Promise<void> {
  for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, RETRY_MS_MAX)) {
    const exit = await waitExit(room, id);
    try {
      return await recordExit(room, id, exit);
    } catch (error) {
      const record = findById(room, id);
      if (record === undefined || !isAlive(record.state)) throw error;
      room.log.error({ err: error, container: id }, 'exit could not be recorded; will try again');
    }
    await sleep(delayMs, undefined, { signal: room.settings.closing, ref: false });
  }
}

/** The end of a container's task; of one whose traces are gone (the host was started again), that it is not known. */
export async function waitExit(room: ContainerRoom, id: ContainerId): Promise<TaskExit> {
  try {
    return await room.runtime.waitExit(id, { signal: room.settings.closing });
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
    return { code: 255, known: false, oomKilled: false, finishedAtMs: room.clock.now() };
  }
}

/** Commits an exit, tells who waits, gives back what the task held, then restarts or removes as the config says. */
export async function recordExit(room: ContainerRoom, id: ContainerId, exit: TaskExit): Promise<void> {
  await room.locks.run(id, async () => {
    const record = findById(room, id);
    if (record === undefined || !isAlive(record.state)) return;
    const { startedAtMs, restartCount, stopRequested } = record.state;
    const last: EndedRun = {
      code: exit.code,
      oomKilled: exit.oomKilled,
      startedAtMs,
      finishedAtMs: exit.finishedAtMs,
      error: exit.known ? '' : 'the monitor of the container was killed: its exit code is not known',
    };
    const restarts =
      !room.settings.closing.aborted && planRestart(record.config.restartPolicy, last, restartCount, stopRequested);
    const ended = setState(
      room,
      record,
      restarts ? { status: 'restarting', last, restartCount } : { status: 'exited', last, restartCount, stopRequested },
    );
    announceExit(room, ended, last);
    await releaseTask(room, id);
    if (restarts) scheduleRestart(room, id, last, restartCount + 1);
    else if (record.config.autoRemove && !room.live.restarted.has(id)) await removeWhileLocked(room, ended);
  });
}

function announceExit(room: ContainerRoom, record: ContainerRecord, last: EndedRun): void {
  if (last.oomKilled) publishContainerEvent(room, record, 'oom');
  const durationSec = Math.max(0, Math.round((last.finishedAtMs - last.startedAtMs) / 1000));
  publishContainerEvent(room, record, 'die', { exitCode: String(last.code), execDuration: String(durationSec) });
  room.live.exited(record.id, last);
}

/** Gives back what a task held: runtime state, network, mounts. Idempotent; what fails is logged and left to `rm`. */
export async function releaseTask(room: ContainerRoom, id: ContainerId): Promise<readonly string[]> {
  const parts = [
    ['task', () => room.runtime.delete(id)],
    ['network', () => room.networks.closeSandbox(id)],
    ['root mount', () => room.layers.unmountRoot(id)],
    ['shared memory', () => unmountSharedMemory(room, id)],
    ['volumes', () => unmountVolumes(room, id)],
  ] as const;
  const results = await Promise.allSettled(parts.map(async ([, release]) => await release()));
  const leftovers: string[] = [];
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    const what = `${parts[index]?.[0]} of container ${id}`;
    room.log.warn({ err: result.reason, container: id }, `${what} could not be released`);
    leftovers.push(what);
  }
  return leftovers;
}

/** Starts the container again after its back-off, unless it is stopped, started or removed before. */
export function scheduleRestart(room: ContainerRoom, id: ContainerId, last: EndedRun, restartCount: number): void {
  const timer = new AbortController();
  room.live.restartTimers.set(id, timer);
  const signal = AbortSignal.any([timer.signal, room.settings.closing]);
  const restart = async (): Promise<void> => {
    await sleep(restartDelayMs(last, restartCount), undefined, { signal, ref: false });
    await room.locks.run(id, async () => {
      const record = findById(room, id);
      if (record?.state.status !== 'restarting' || signal.aborted) return;
      await startWhileLocked(room, record, restartCount);
    });
  };
  restart()
    .catch((error: unknown) => {
      if (!signal.aborted) room.log.warn({ err: error, container: id }, 'restart failed');
    })
    .finally(() => {
      if (room.live.restartTimers.get(id) === timer) room.live.restartTimers.delete(id);
    });
}
