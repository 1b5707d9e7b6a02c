import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerId, parseContainerId } from '#/base/ids.ts';
import { Semaphore } from '#/base/semaphore.ts';
import type { ObservedTask } from '#/runtime/runtime.ts';
import { listContainers } from '#/store/containers.ts';
import { recordExit, releaseTask, scheduleRestart, waitExit, watchExit } from './exit.ts';
import { planRecovery, type RecoveryAction } from './plan-recovery.ts';
import { type ContainerRecord, publishContainerEvent, recordOfRow, setState } from './record.ts';
import { dismantle, removeWhileLocked } from './remove.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive, lastRun } from './state.ts';
import { holdVolumesAgain } from './volume-mounts.ts';

/** Containers that are taken care of at once: what ended is waited for, mostly. */
const LANES = 8;
const HEX_64 = /^[0-9a-f]{64}$/;

/**
 * Makes rows and world agree again after the engine was away, however it went: watches what runs, records what ended,
 * takes apart what was half made, sweeps what no row names. One container's trouble is logged and does not stop the rest.
 */
export async function recoverContainers(room: ContainerRoom): Promise<void> {
  const records = listContainers(room.store).map(recordOfRow);
  const world = { tasks: await observeTasks(room), traces: await findTraces(room) };
  const lanes = new Semaphore(LANES);
  await Promise.all(planRecovery(records, world).map((action) => lanes.run(() => tryAction(room, action))));
  await room.volumes.sweepMounts();
  await sweepRemovedDirectories(room);
}

async function tryAction(room: ContainerRoom, action: RecoveryAction): Promise<void> {
  try {
    await execute(room, action);
  } catch (error) {
    const id = action.kind === 'sweep' ? action.id : action.record.id;
    room.log.error({ err: error, container: id, action: action.kind }, 'recovery step failed');
  }
}

async function observeTasks(room: ContainerRoom): Promise<ReadonlyMap<ContainerId, ObservedTask>> {
  const tasks = new Map<ContainerId, ObservedTask>();
  for (const id of await room.runtime.list()) {
    const task = await room.runtime.observe(id);
    if (task !== undefined) tasks.set(id, task);
  }
  return tasks;
}

async function findTraces(room: ContainerRoom): Promise<ReadonlySet<ContainerId>> {
  const sources = [
    await room.runtime.list(),
    await room.networks.listSandboxes(),
    await room.layers.listRoots(),
    await readdir(containersDir(room)).catch(() => []),
  ];
  return new Set(
    sources
      .flat()
      .filter((name) => HEX_64.test(name))
      .map(parseContainerId),
  );
}

const containersDir = (room: ContainerRoom): string => join(room.settings.dataRoot, 'containers');

async function execute(room: ContainerRoom, action: RecoveryAction): Promise<void> {
  switch (action.kind) {
    case 'adopt':
      return await adopt(room, action.record, action.task);
    case 'adopt-started':
      return await adoptStarted(room, action.record, action.task);
    case 'record-exit':
      return await recordExit(room, action.record.id, await waitExit(room, action.record.id));
    case 'release':
      return void (await releaseTask(room, action.record.id));
    case 'restart':
      return await restart(room, action.record);
    case 'dismantle':
      return await finishRemoval(room, action.record);
    case 'sweep':
      room.log.info({ container: action.id }, 'sweeping what no row names');
      return void (await dismantle(room, action));
    default:
      return action satisfies never;
  }
}

/** Pausing and the row that says so are two steps: what the kernel says now counts. */
async function adopt(room: ContainerRoom, record: ContainerRecord, task: ObservedTask): Promise<void> {
  if (!isAlive(record.state)) return;
  await holdVolumesAgain(room, record);
  const status = task.status === 'paused' ? 'paused' : 'running';
  if (record.state.status !== status) setState(room, record, { ...record.state, status });
  watchExit(room, record.id);
}

async function adoptStarted(room: ContainerRoom, record: ContainerRecord, task: ObservedTask): Promise<void> {
  await holdVolumesAgain(room, record);
  const startedAtMs = room.clock.now();
  setState(room, record, { status: 'running', pid: task.pid, startedAtMs, restartCount: 0, stopRequested: false });
  publishContainerEvent(room, record, 'start');
  watchExit(room, record.id);
}

async function restart(room: ContainerRoom, record: ContainerRecord): Promise<void> {
  await releaseTask(room, record.id);
  const last = lastRun(record.state);
  if (last === undefined) return;
  const restarting = record.state.status === 'restarting' ? record : setRestarting(room, record, last);
  const count = restarting.state.status === 'restarting' ? restarting.state.restartCount : 0;
  scheduleRestart(room, record.id, last, count + 1);
}

function setRestarting(room: ContainerRoom, record: ContainerRecord, last: NonNullable<ReturnType<typeof lastRun>>) {
  return setState(room, record, { status: 'restarting', last, restartCount: 0 });
}

async function finishRemoval(room: ContainerRoom, record: ContainerRecord): Promise<void> {
  room.log.info({ container: record.id, status: record.state.status }, 'finishing the removal of a container');
  await room.locks.run(record.id, () => removeWhileLocked(room, record, { volumes: takesVolumes(record) }));
}

/** As it was asked; the anonymous volumes of what never came to be are nobody's. */
function takesVolumes({ state, config }: ContainerRecord): boolean {
  return state.status === 'removing' ? state.volumes : config.autoRemove || state.status === 'creating';
}

async function sweepRemovedDirectories(room: ContainerRoom): Promise<void> {
  const entries = await readdir(containersDir(room)).catch(() => []);
  for (const entry of entries) {
    if (entry.includes('.removed-')) await rm(join(containersDir(room), entry), { recursive: true, force: true });
  }
}
