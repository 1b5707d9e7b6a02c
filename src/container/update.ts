import { EngineError } from '#/base/errors.ts';
import type { RestartPolicy } from './config.ts';
import { getById, getContainer, setConfig } from './record.ts';
import type { ContainerRoom } from './room.ts';

/** Gives a container another restart policy; it counts at its next end. Throws conflict, with Docker's text, for one that goes at its end. */
export async function setRestartPolicy(room: ContainerRoom, reference: string, policy: RestartPolicy): Promise<void> {
  const { id } = getContainer(room, reference);
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    if (record.config.autoRemove && policy.kind !== 'no') {
      const text = 'Restart policy cannot be updated because AutoRemove is enabled for the container';
      throw new EngineError('conflict', text);
    }
    setConfig(room, record, { ...record.config, restartPolicy: policy });
  });
}
