import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { ContainerRoom } from './room.ts';

/** Runs what needs a container's process. Where it fails because that has just ended, throws conflict with Docker's text. */
export async function whileRunning<T>(
  room: Pick<ContainerRoom, 'runtime'>,
  id: ContainerId,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const task = await room.runtime.observe(id);
    if (task !== undefined && task.status !== 'stopped') throw error;
    throw new EngineError('conflict', `Container ${id} is not running`, { cause: error });
  }
}
