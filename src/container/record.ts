import { EngineError } from '#/base/errors.ts';
import { type ContainerId, type ImageId, parseContainerId, parseImageId } from '#/base/ids.ts';
import type { EngineEvent } from '#/events/events.ts';
import {
  type ContainerRow,
  findContainerById,
  findContainerByName,
  findContainersByIdPrefix,
  listContainers as listContainerRows,
  updateContainerConfig,
  updateContainerState,
} from '#/store/containers.ts';
import type { ContainerConfig } from './config.ts';
import type { ContainerRoom } from './room.ts';
import { type ContainerState, canBecome } from './state.ts';

/** A container as its rows say. */
export interface ContainerRecord {
  readonly id: ContainerId;
  /** Without a slash. */
  readonly name: string;
  readonly imageId: ImageId;
  readonly createdAtMs: number;
  readonly config: ContainerConfig;
  readonly state: ContainerState;
}

export function recordOfRow(row: ContainerRow): ContainerRecord {
  return {
    id: parseContainerId(row.id),
    name: row.name,
    imageId: parseImageId(row.image_id),
    createdAtMs: row.created_at,
    config: JSON.parse(row.config) as ContainerConfig,
    state: JSON.parse(row.state) as ContainerState,
  };
}

/** Newest first; without those still being created. */
export function listContainers(room: Pick<ContainerRoom, 'store'>): readonly ContainerRecord[] {
  return listContainerRows(room.store)
    .map(recordOfRow)
    .filter((record) => record.state.status !== 'creating');
}

export function findById(room: Pick<ContainerRoom, 'store'>, id: ContainerId): ContainerRecord | undefined {
  const row = findContainerById(room.store, id);
  return row === undefined ? undefined : recordOfRow(row);
}

/** By id. Throws not-found. */
export function getById(room: Pick<ContainerRoom, 'store'>, id: ContainerId): ContainerRecord {
  const record = findById(room, id);
  if (record === undefined) throw noSuchContainer(id);
  return record;
}

const noSuchContainer = (reference: string): EngineError =>
  new EngineError('not-found', `No such container: ${reference}`);

/** By full id, else by name, else by unambiguous id prefix, as Docker looks it up. Throws not-found or invalid-argument. */
export function getContainer(room: Pick<ContainerRoom, 'store'>, reference: string): ContainerRecord {
  const name = reference.startsWith('/') ? reference.slice(1) : reference;
  const row =
    findContainerById(room.store, reference) ?? findContainerByName(room.store, name) ?? byPrefix(room, reference);
  if (row === undefined) throw noSuchContainer(reference);
  const record = recordOfRow(row);
  if (record.state.status === 'creating') throw noSuchContainer(reference);
  return record;
}

function byPrefix(room: Pick<ContainerRoom, 'store'>, reference: string): ContainerRow | undefined {
  if (!/^[0-9a-f]{1,63}$/.test(reference)) return undefined;
  const rows = findContainersByIdPrefix(room.store, reference);
  if (rows.length > 1)
    throw new EngineError('invalid-argument', `multiple IDs found with provided prefix: ${reference}`);
  return rows[0];
}

/**
 * Whether a new state has to be on disk before anybody hears of it. That a container runs is undone by a power failure
 * itself, so it matters only to a restart policy; a container that goes at its exit has only its making and its end to keep.
 */
function mustSurvivePowerFailure({ config }: ContainerRecord, state: ContainerState): boolean {
  if (state.status === 'created') return true;
  if (config.autoRemove) return state.status === 'dead';
  return state.status !== 'running' || config.restartPolicy.kind !== 'no';
}

/** Commits a new state: it outlives the engine when this returns. Throws internal for a transition that the table does not allow. */
export function setState(
  room: Pick<ContainerRoom, 'store'>,
  record: ContainerRecord,
  state: ContainerState,
): ContainerRecord {
  if (!canBecome(record.state.status, state.status)) {
    throw new EngineError(
      'internal',
      `container ${record.id} cannot go from ${record.state.status} to ${state.status}`,
    );
  }
  const update = () => updateContainerState(room.store, record.id, state.status, JSON.stringify(state));
  if (mustSurvivePowerFailure(record, state)) update();
  else room.store.unsynced(update);
  return { ...record, state };
}

/** Commits another config, for what may change after create: networks, ports, restart policy. */
export function setConfig(
  room: Pick<ContainerRoom, 'store'>,
  record: ContainerRecord,
  config: ContainerConfig,
): ContainerRecord {
  updateContainerConfig(room.store, record.id, JSON.stringify(config));
  return { ...record, config };
}

/** Tells listeners what happened to a container, with the attributes that Docker gives every container event. */
export function publishContainerEvent(
  room: Pick<ContainerRoom, 'events'>,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const event: Omit<EngineEvent, 'timeMs'> = {
    type: 'container',
    action,
    id: record.id,
    attributes: { ...record.config.labels, ...attributes, image: record.config.image.reference, name: record.name },
  };
  room.events.publish(event);
}
