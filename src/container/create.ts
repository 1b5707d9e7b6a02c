import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, isEngineError, toEngineError } from '#/base/errors.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { findContainerByName, insertContainer } from '#/store/containers.ts';
import type { ContainerConfig, ContainerSpec } from './config.ts';
import { copyUpVolumes } from './copy-up.ts';
import { fitToHost } from './limits.ts';
import { generateName, parseContainerName } from './names.ts';
import { containerPaths } from './paths.ts';
import { planCreate } from './plan-create.ts';
import { type ContainerRecord, findById, publishContainerEvent, setState } from './record.ts';
import { resolveReferences } from './references.ts';
import { takeApart } from './remove.ts';
import type { ContainerRoom } from './room.ts';
import { createVolumes } from './volume-mounts.ts';

export interface CreatedContainer {
  readonly id: ContainerId;
  readonly warnings: readonly string[];
}

/**
 * Makes a container from an image, without a process: plan (nothing touched) → claim (id and name in one transaction) →
 * build → publish. Throws not-found for the image, conflict for the name, invalid-argument for the rest, with Docker's texts.
 */
export async function createContainer(room: ContainerRoom, spec: ContainerSpec): Promise<CreatedContainer> {
  const id = newContainerId();
  const name = spec.name === undefined || spec.name === '' ? undefined : parseContainerName(spec.name);
  const image = room.images.resolveForRun(spec.image, spec.platform);
  const plan = planCreate(id, spec, image, hostname());
  const fitted = fitToHost(await resolveReferences(room, plan.config), room.host);
  try {
    const record = claim(room, id, name, fitted.config);
    await mkdir(containerPaths(room, id).dir, { recursive: true, mode: 0o710 });
    await room.layers.prepareRoot(id);
    await createVolumes(room, record.config);
    await copyUpVolumes(room, record);
    publishContainerEvent(room, setState(room, record, { status: 'created', startFailure: undefined }), 'create');
  } catch (error) {
    await takeBack(room, id);
    throw toEngineError(error, 'create container');
  }
  return { id, warnings: [...plan.warnings, ...fitted.warnings] };
}

const TAKE_BACK_RETRY_MS = 1000;

/**
 * Unmakes a create that failed. What cannot be removed stays named by a row that says `dead`, for `rm`; where not even
 * that can be written (a full disk), it is tried again until it can.
 */
async function takeBack(room: ContainerRoom, id: ContainerId): Promise<void> {
  try {
    const record = findById(room, id);
    if (record !== undefined) await takeApart(room, record, { volumes: true });
  } catch (error) {
    room.log.warn({ err: error, container: id }, 'a failed create could not be taken back; will try again');
    void sleep(TAKE_BACK_RETRY_MS, undefined, { signal: room.settings.closing, ref: false }).then(
      () => takeBack(room, id),
      () => {}, // The next start finds it.
    );
  }
}

const NAME_ATTEMPTS_MAX = 10;

function claim(
  room: ContainerRoom,
  id: ContainerId,
  name: string | undefined,
  config: ContainerConfig,
): ContainerRecord {
  if (name !== undefined) return insert(room, id, name, config);
  for (let attempt = 0; ; attempt++) {
    try {
      return insert(room, id, generateName(attempt), config);
    } catch (error) {
      if (!isEngineError(error, 'conflict') || attempt === NAME_ATTEMPTS_MAX) throw error;
    }
  }
}

function insert(room: ContainerRoom, id: ContainerId, name: string, config: ContainerConfig): ContainerRecord {
  const record: ContainerRecord = {
    id,
    name,
    imageId: config.image.id,
    createdAtMs: room.clock.now(),
    config,
    state: { status: 'creating' },
  };
  const claimRow = (): void => {
    refuseTakenName(room, name);
    // The image may have been removed while the plan was made; from this row on it is in use.
    room.images.resolveForRun(config.image.id);
    const row = {
      id,
      name,
      image_id: config.image.id,
      created_at: record.createdAtMs,
      config: JSON.stringify(config),
      state: JSON.stringify(record.state),
    };
    insertContainer(room.store, row, 'creating');
  };
  // Publishing it is what has to survive a power failure.
  room.store.unsynced(() => room.store.transaction(claimRow));
  return record;
}

/** Throws conflict, with Docker's text, where a container of that name exists. */
export function refuseTakenName(room: Pick<ContainerRoom, 'store'>, name: string): void {
  const holder = findContainerByName(room.store, name);
  if (holder === undefined) return;
  throw new EngineError(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}
