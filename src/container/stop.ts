import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '#/base/errors.ts';
import { parseSignal } from '#/linux/signals.ts';
import { exitOf, killAndWait, signalContainer, stopSignalOf } from './kill.ts';
import { type ContainerRecord, findById, getContainer, publishContainerEvent } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { startContainer } from './start.ts';
import { isAlive } from './state.ts';

export interface StopOptions {
  /** Negative waits for ever; undefined takes the container's own, then the daemon's. */
  readonly timeoutSec: number | undefined;
  /** As written; undefined takes the container's own. */
  readonly signal: string | undefined;
}

/** Node's timers know no longer ones. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Asks a container to end and, when its time is over, kills it. */
export async function stopContainer(
  room: ContainerRoom,
  reference: string,
  options: StopOptions,
): Promise<'stopped' | 'already-stopped'> {
  const record = getContainer(room, reference);
  if (!isAlive(record.state) && record.state.status !== 'restarting') return 'already-stopped';
  const signal = options.signal === undefined ? stopSignalOf(record) : parseSignal(options.signal);
  const timeoutSec = options.timeoutSec ?? record.config.process.stopTimeoutSec ?? room.settings.stopTimeoutSec;
  const exited = exitOf(room, record.id);
  try {
    await signalContainer(room, record.id, signal, true);
    if (stillAlive(room, record)) await waitOrKill(room, record, exited.promise, timeoutSec);
  } finally {
    exited.cancel();
  }
  publishContainerEvent(room, record, 'stop');
  return 'stopped';
}

function stillAlive(room: ContainerRoom, { id }: ContainerRecord): boolean {
  const current = findById(room, id);
  return current !== undefined && isAlive(current.state);
}

async function waitOrKill(
  room: ContainerRoom,
  record: ContainerRecord,
  exited: Promise<void>,
  timeoutSec: number,
): Promise<void> {
  if (timeoutSec < 0) return await exited;
  const timer = new AbortController();
  const late = sleep(Math.min(timeoutSec * 1000, TIMER_MS_MAX), 'late' as const, {
    signal: timer.signal,
    ref: false,
  }).catch(() => 'ended' as const);
  const outcome = await Promise.race([exited.then(() => 'ended' as const), late]);
  timer.abort();
  if (outcome === 'late' && stillAlive(room, record)) await killAndWait(room, record.id);
}

/** Stops a container if it runs, then starts it. */
export async function restartContainer(room: ContainerRoom, reference: string, options: StopOptions): Promise<void> {
  const record = getContainer(room, reference);
  if (record.state.status === 'removing' || record.state.status === 'dead') {
    throw new EngineError('conflict', 'container is marked for removal and cannot be started');
  }
  room.live.restarted.add(record.id);
  try {
    await stopContainer(room, reference, options);
    await startContainer(room, record.id);
  } finally {
    room.live.restarted.delete(record.id);
  }
  publishContainerEvent(room, record, 'restart');
}
