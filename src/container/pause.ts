import { EngineError } from '#/base/errors.ts';
import { getById, getContainer, publishContainerEvent, setState } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { whileRunning } from './while-running.ts';

/** Freezes every process of a running container. Throws conflict where it is not running or paused already. */
export async function pauseContainer(room: ContainerRoom, reference: string): Promise<void> {
  const { id } = getContainer(room, reference);
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    if (record.state.status === 'paused') throw new EngineError('conflict', `Container ${reference} is already paused`);
    if (record.state.status !== 'running') throw new EngineError('conflict', `Container ${id} is not running`);
    await whileRunning(room, id, () => room.runtime.pause(id));
    publishContainerEvent(room, setState(room, record, { ...record.state, status: 'paused' }), 'pause');
  });
}

/** Lets a paused container go on. Throws conflict where it is not paused. */
export async function unpauseContainer(room: ContainerRoom, reference: string): Promise<void> {
  const { id } = getContainer(room, reference);
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    if (record.state.status !== 'paused') throw new EngineError('conflict', `Container ${id} is not paused`);
    await whileRunning(room, id, () => room.runtime.resume(id));
    publishContainerEvent(room, setState(room, record, { ...record.state, status: 'running' }), 'unpause');
  });
}
