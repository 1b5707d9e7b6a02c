import type { ImageId } from '#/base/ids.ts';
import { listContainers } from '#/store/containers.ts';
import type { Store } from '#/store/store.ts';
import { type ContainerRecord, recordOfRow } from './record.ts';

/** The containers that were made from an image or mount it, oldest first. */
export function containersUsingImage(store: Store, id: ImageId): readonly ContainerRecord[] {
  return listContainers(store)
    .filter((row) => row.image_id === id || row.config.includes(id))
    .map(recordOfRow)
    .filter(({ imageId, config }) => imageId === id || config.mounts.some((mount) => mountsImage(mount, id)))
    .reverse();
}

const mountsImage = (mount: ContainerRecord['config']['mounts'][number], id: ImageId): boolean =>
  mount.kind === 'image' && mount.imageId === id;
