import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { TaskRoom } from './open.ts';
import { runRuntime } from './run-runtime.ts';

/**
 * Lets the task's program run. crun's init waits for a byte on a fifo in its state directory, and `crun start` does no more
 * than remove the fifo's name and write it; doing so here saves a process. Anything else goes through `start` itself.
 */
export async function startTask(room: TaskRoom, id: ContainerId): Promise<void> {
  if (room.tools.runtimeName === 'crun' && releaseCrunInit(join(room.tools.stateRoot, id, 'exec.fifo'))) return;
  await runRuntime(room.tools, ['start', id], `start container ${id}`);
}

function releaseCrunInit(fifoPath: string): boolean {
  let fd: number;
  try {
    fd = openSync(fifoPath, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENXIO') return false;
    throw new EngineError('internal', `open ${fifoPath}: ${errnoOf(error) ?? 'failed'}`, { cause: error });
  }
  try {
    unlinkSync(fifoPath);
    writeSync(fd, '\0');
  } finally {
    closeSync(fd);
  }
  return true;
}
