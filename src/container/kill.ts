import { withDeadline } from '#/base/delay.ts';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { parseSignal } from '#/linux/signals.ts';
import { type ContainerRecord, findById, getById, getContainer, publishContainerEvent, setState } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

const SIGKILL = 9;
const SIGTERM = 15;
/** After SIGKILL the kernel needs moments; more means a process stuck in the kernel. */
const KILL_WAIT_MS = 10_000;

/** The number of the signal that asks this container to stop. */
export function stopSignalOf(record: ContainerRecord): number {
  const { stopSignal } = record.config.process;
  return stopSignal === undefined || stopSignal === '' ? SIGTERM : parseSignal(stopSignal);
}

/** Sends a signal to a container's first process; after SIGKILL waits for the end. Throws conflict where it is not running. */
export async function killContainer(room: ContainerRoom, reference: string, signal: number): Promise<void> {
  const { id, state } = getContainer(room, reference);
  if (state.status === 'restarting') {
    room.live.restartTimers.get(id)?.abort();
  } else if (!isAlive(state)) {
    throw new EngineError('conflict', `cannot kill container: ${reference}: container ${id} is not running`);
  }
  if (signal === SIGKILL) await killAndWait(room, id);
  else await signalContainer(room, id, signal, false);
}

/** Ends a container's processes for good and waits until its exit is recorded. No process: nothing to do. */
export async function killAndWait(room: ContainerRoom, id: ContainerId): Promise<void> {
  const exited = exitOf(room, id);
  await signalContainer(room, id, SIGKILL, true);
  const record = findById(room, id);
  if (record === undefined || !isAlive(record.state)) return exited.cancel();
  await withDeadline(exited.promise, KILL_WAIT_MS, `end of container ${id} after SIGKILL`).finally(exited.cancel);
}

/** The next recorded exit, as a promise that can be given up. */
export function exitOf(room: ContainerRoom, id: ContainerId): { readonly promise: Promise<void>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = room.live.onExit(id, () => resolve());
  return { promise, cancel };
}

/** Sends a signal and remembers, where `ends` says so, that somebody asked for the end (no restart policy applies then). */
export async function signalContainer(
  room: ContainerRoom,
  id: ContainerId,
  signal: number,
  ends: boolean,
): Promise<void> {
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    if (record.state.status === 'restarting') return endRestarting(room, record);
    if (!isAlive(record.state)) return;
    const asksToEnd = ends || signal === stopSignalOf(record);
    const stopping = asksToEnd ? setState(room, record, { ...record.state, stopRequested: true }) : record;
    const wasPaused = record.state.status === 'paused';
    await room.runtime.kill(id, signal);
    publishContainerEvent(room, stopping, 'kill', { signal: String(signal) });
    if (wasPaused && asksToEnd && isAlive(stopping.state)) {
      await room.runtime.resume(id);
      setState(room, stopping, { ...stopping.state, status: 'running' });
    }
  });
}

function endRestarting(room: ContainerRoom, record: ContainerRecord): void {
  if (record.state.status !== 'restarting') return;
  room.live.restartTimers.get(record.id)?.abort();
  const { last, restartCount } = record.state;
  setState(room, record, { status: 'exited', last, restartCount, stopRequested: true });
  room.live.exited(record.id, last);
}
