import type { ContainerId } from '#/base/ids.ts';
import { listContainers } from '#/store/containers.ts';
import type { Store } from '#/store/store.ts';
import type { ContainerConfig } from './config.ts';
import { recordOfRow } from './record.ts';

/** The volumes that a container refers to, each once. */
export function volumesOf({ mounts }: Pick<ContainerConfig, 'mounts'>): readonly string[] {
  return [...new Set(mounts.flatMap((mount) => (mount.kind === 'volume' ? [mount.name] : [])))];
}

/** The containers that refer to a volume, stopped and half-made ones too, oldest first. */
export function containersUsingVolume(store: Store, name: string): readonly ContainerId[] {
  return listContainers(store)
    .filter((row) => row.config.includes(JSON.stringify(name)))
    .map(recordOfRow)
    .filter((record) => volumesOf(record.config).includes(name))
    .map((record) => record.id)
    .reverse();
}

/** Of every volume that containers refer to, which they are. */
export function volumeReferences(store: Store): ReadonlyMap<string, readonly ContainerId[]> {
  const references = new Map<string, ContainerId[]>();
  for (const { id, config } of listContainers(store).map(recordOfRow)) {
    for (const name of volumesOf(config)) references.set(name, [...(references.get(name) ?? []), id]);
  }
  return references;
}
