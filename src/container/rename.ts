import { EngineError, isEngineError } from '#/base/errors.ts';
import { renameContainerRow } from '#/store/containers.ts';
import { refuseTakenName } from './create.ts';
import { endpointNames } from './endpoint-names.ts';
import { parseContainerName } from './names.ts';
import { type ContainerRecord, getById, getContainer, publishContainerEvent } from './record.ts';
import type { ContainerRoom } from './room.ts';

/** Gives a container another name. Throws conflict for a taken one, invalid-argument for none or its own, with Docker's texts. */
export async function renameContainer(room: ContainerRoom, reference: string, newName: string): Promise<void> {
  const { id } = getContainer(room, reference);
  if (newName === '') throw new EngineError('invalid-argument', 'Neither old nor new names may be empty');
  const name = allocating(() => parseContainerName(newName));
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    if (record.name === name) {
      throw new EngineError('invalid-argument', 'Renaming a container with the same name as its current name');
    }
    room.store.transaction(() => {
      allocating(() => refuseTakenName(room, name));
      renameContainerRow(room.store, id, name);
    });
    const renamed = { ...record, name };
    await renameEndpoints(room, renamed);
    publishContainerEvent(room, renamed, 'rename', { oldName: `/${record.name}` });
  });
}

/** Others find it by its new name at once. */
async function renameEndpoints(room: ContainerRoom, record: ContainerRecord): Promise<void> {
  for (const { networkName } of room.networks.endpointsOf(record.id)) {
    const settings = record.config.network.endpoints[networkName] ?? { aliases: [], links: [] };
    await room.networks.rename(record.id, endpointNames(room, record, settings), networkName);
  }
}

/** Docker's rename says so before each reason why a name cannot be had. */
function allocating<T>(take: () => T): T {
  try {
    return take();
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError(error.kind, `Error when allocating new name: ${error.message}`, { cause: error });
  }
}
