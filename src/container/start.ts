import { EngineError, messageOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { type UndoList, withUndo } from '#/base/undo.ts';
import { checkPropagation, createBindSources } from './bind-sources.ts';
import { connectNetwork } from './connect-network.ts';
import { refreshLinkers, writeEtcFiles } from './etc-files.ts';
import { watchExit } from './exit.ts';
import { plantMountPoints } from './mount-points.ts';
import { containerPaths } from './paths.ts';
import { type ContainerRecord, getById, getContainer, publishContainerEvent, setState } from './record.ts';
import { removeWhileLocked } from './remove.ts';
import type { ContainerRoom } from './room.ts';
import { mountSharedMemory, unmountSharedMemory } from './shared-memory.ts';
import { describeStartFailure } from './start-failure.ts';
import { isAlive, type Running } from './state.ts';
import { planTask } from './task-config.ts';
import { mountVolumes, unmountVolumes } from './volume-mounts.ts';

/**
 * Starts a container: root, network, files, OCI create, attachments that waited, OCI start, row, event. Whatever fails,
 * all of it is undone; the failure is recorded with Docker's exit code (127, 126, 128) and thrown with Docker's text.
 */
export async function startContainer(room: ContainerRoom, reference: string): Promise<'started' | 'already-running'> {
  const { id } = getContainer(room, reference);
  return await room.locks.run(id, async () => {
    const record = getById(room, id);
    if (record.state.status === 'paused') {
      throw new EngineError('conflict', 'cannot start a paused container, try unpause instead');
    }
    if (record.state.status === 'running') return 'already-running';
    if (record.state.status === 'removing' || record.state.status === 'dead') {
      throw new EngineError('conflict', 'container is marked for removal and cannot be started');
    }
    await startWhileLocked(room, record, 0);
    return 'started';
  });
}

/** As startContainer, for callers that hold the container's lock and have checked its state. */
export async function startWhileLocked(
  room: ContainerRoom,
  record: ContainerRecord,
  restartCount: number,
): Promise<void> {
  room.live.restartTimers.get(record.id)?.abort();
  try {
    const running = await withUndo(room.log, (undo) => startTask(room, record, restartCount, undo));
    publishContainerEvent(room, running, 'start');
    watchExit(room, record.id);
  } catch (error) {
    throw await startFailed(room, record, error);
  }
}

async function startTask(
  room: ContainerRoom,
  record: ContainerRecord,
  restartCount: number,
  undo: UndoList,
): Promise<ContainerRecord> {
  const { id, config } = record;
  await room.live.copies.endOfEarlierRuns(id);
  undo.add(`root of ${id}`, () => room.layers.unmountRoot(id));
  const root = await room.layers.mountRoot(id, config.image.layers, { ephemeral: config.autoRemove });
  plantMountPoints(root.path);
  undo.add(`network of ${id}`, () => room.networks.closeSandbox(id));
  const network = await connectNetwork(room, record);
  await writeEtcFiles(room, record, network);
  refreshLinkers(room, record);
  undo.add(`volumes of ${id}`, () => unmountVolumes(room, id));
  await mountVolumes(room, record);
  await createBindSources(config);
  checkPropagation(config);
  undo.add(`shared memory of ${id}`, () => unmountSharedMemory(room, id));
  await mountSharedMemory(room, record);
  const oci = await planTask(room, record, root.path, network);
  undo.add(`task ${id}`, () => room.runtime.delete(id));
  const { pid } = await room.runtime.create({
    id,
    config: oci,
    logPath: containerPaths(room, id).log,
    terminal: config.process.tty,
    openStdin: config.process.openStdin,
    stdinOnce: config.process.stdinOnce,
  });
  await connectAttachments(room, id);
  await room.runtime.start(id);
  const state: Running = {
    status: 'running',
    pid,
    startedAtMs: room.clock.now(),
    restartCount,
    stopRequested: false,
  };
  return setState(room, record, state);
}

async function connectAttachments(room: ContainerRoom, id: ContainerId): Promise<void> {
  for (const attachment of room.live.takePendingAttachments(id)) {
    try {
      attachment.connected(await room.runtime.attach(id, {}));
    } catch (error) {
      attachment.failed(error);
    }
  }
}

async function startFailed(room: ContainerRoom, record: ContainerRecord, cause: unknown): Promise<EngineError> {
  const failure = describeStartFailure(record, cause);
  room.log.warn({ err: cause, container: record.id }, 'container did not start');
  for (const attachment of room.live.takePendingAttachments(record.id)) attachment.failed(failure.error);
  try {
    const { state } = record;
    const last = {
      code: failure.code,
      oomKilled: false,
      startedAtMs: 0,
      finishedAtMs: room.clock.now(),
      error: failure.error.message,
    };
    const next =
      state.status === 'created'
        ? ({ status: 'created', startFailure: { code: failure.code, message: failure.error.message } } as const)
        : ({ status: 'exited', last, restartCount: 0, stopRequested: isAlive(state) && state.stopRequested } as const);
    const failed = setState(room, record, next);
    room.live.exited(record.id, last);
    if (record.config.autoRemove) await removeWhileLocked(room, failed);
  } catch (error) {
    room.log.error(
      { err: error, container: record.id, failure: messageOf(cause) },
      'failed start could not be recorded',
    );
  }
  return failure.error;
}
