import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { deleteContainerRow } from '#/store/containers.ts';
import { releaseTask } from './exit.ts';
import { killAndWait } from './kill.ts';
import { containerPaths } from './paths.ts';
import { type ContainerRecord, findById, getContainer, publishContainerEvent, setState } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive, lastRun } from './state.ts';
import { removeAnonymousVolumes } from './volume-mounts.ts';

export interface RemoveOptions {
  /** Kill it first if it has a process. */
  readonly force: boolean;
  /** With its anonymous volumes, except those that others refer to. */
  readonly volumes?: boolean;
}

/** How often a container that others start again meanwhile is killed. */
const KILLS_MAX = 5;

/** Removes a container and all that it has. Throws conflict, with Docker's text, while it runs and `force` is not given. */
export async function removeContainer(room: ContainerRoom, reference: string, options: RemoveOptions): Promise<void> {
  const { id } = getContainer(room, reference);
  for (let attempt = 1; ; attempt++) {
    const found = findById(room, id);
    if (found !== undefined && (isAlive(found.state) || found.state.status === 'restarting')) {
      if (!options.force || attempt > KILLS_MAX) throw stillAlive(found);
      await killAndWait(room, id);
    }
    if (await room.locks.run(id, () => removeUnlessAlive(room, id, options))) return;
  }
}

async function removeUnlessAlive(room: ContainerRoom, id: ContainerId, options: RemoveOptions): Promise<boolean> {
  const record = findById(room, id);
  if (record === undefined) return true;
  if (isAlive(record.state)) return false;
  await removeWhileLocked(room, record, options);
  return true;
}

function stillAlive(record: ContainerRecord): EngineError {
  const { status } = record.state;
  const advice = status === 'paused' ? 'unpause and then stop' : 'stop';
  return new EngineError(
    'conflict',
    `cannot remove container "/${record.name}": container is ${status}: ${advice} the container before removing or force remove`,
  );
}

/** As removeContainer, for callers that hold the lock of a container without a process. */
export async function removeWhileLocked(
  room: ContainerRoom,
  record: ContainerRecord,
  options: Pick<RemoveOptions, 'volumes'> = { volumes: record.config.autoRemove },
): Promise<void> {
  const last = lastRun(record.state);
  room.live.restartTimers.get(record.id)?.abort();
  const leftovers = await takeApart(room, record, options);
  if (leftovers.length > 0) {
    const text = `container ${record.id} could not be removed whole; left: ${leftovers.join(', ')}`;
    const error = new EngineError('internal', text);
    room.live.removalFailed(record.id, error);
    throw error;
  }
  publishContainerEvent(room, record, 'destroy');
  room.live.removed(record.id, last);
}

/** Dismantles a container and its row; where something stays, the row stays too, as `dead` with the list, which is returned. */
export async function takeApart(
  room: ContainerRoom,
  record: ContainerRecord,
  { volumes = false }: Pick<RemoveOptions, 'volumes'>,
): Promise<readonly string[]> {
  const last = lastRun(record.state);
  const removing = setState(room, record, { status: 'removing', last, volumes });
  const leftovers = [...(await dismantle(room, removing))];
  // Before the row goes: after a kill in between, it tells what is still to be done.
  if (volumes) leftovers.push(...(await removeAnonymousVolumes(room, removing)));
  if (leftovers.length > 0) setState(room, removing, { status: 'dead', leftovers, last });
  else deleteContainerRow(room.store, record.id);
  return leftovers;
}

/** Takes apart all that a container may have, by its id alone; tolerates absence, keeps going, lists what stayed. */
export async function dismantle(room: ContainerRoom, { id }: Pick<ContainerRecord, 'id'>): Promise<readonly string[]> {
  const leftovers = [...(await releaseTask(room, id))];
  const steps = [
    ['writable layer', () => room.layers.removeRoot(id)],
    ['directory', () => removeAside(containerPaths(room, id).dir)],
  ] as const;
  for (const [what, step] of steps) {
    try {
      await step();
    } catch (error) {
      room.log.warn({ err: error, container: id }, `${what} could not be removed`);
      leftovers.push(`${what} of container ${id}`);
    }
  }
  return leftovers;
}

async function removeAside(path: string): Promise<void> {
  const aside = `${path}.removed-${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}
