import { EngineError } from '#/base/errors.ts';
import { type ContainerId, type Digest, type ImageId, shortId } from '#/base/ids.ts';
import { type ImageReference, parseReference, printFamiliar, printRepository } from '#/spec/distribution/reference.ts';
import { deleteImageRow, deleteReference, listLayerNamings } from '#/store/images.ts';
import { chainIdsOf } from './chain-id.ts';
import { type ImageRecord, listReferences } from './record.ts';
import { getImage, isPrefixOfId, referenceKey } from './resolve.ts';
import { type ImageRoom, publishImageEvent } from './room.ts';

export interface ContainerUsingImage {
  readonly id: ContainerId;
  readonly running: boolean;
}

export interface RemoveImageOptions {
  readonly force: boolean;
  /** The containers made from an image. Called inside the transaction that deletes: it must not wait. */
  readonly usedBy: (id: ImageId) => readonly ContainerUsingImage[];
}

/** One line of what a removal did. */
export type RemovedItem =
  | { readonly kind: 'untagged'; readonly reference: string }
  /** An image's id, or the chain id of a layer that went with it. */
  | { readonly kind: 'deleted'; readonly digest: Digest };

/**
 * Takes a name from an image, and the image away with its last one, by Docker's rules. Throws conflict with Docker's texts.
 * Layers that nothing names any more are gone when this returns, or, if a load is going on, when that ends.
 */
export async function removeImage(
  room: ImageRoom,
  text: string,
  options: RemoveImageOptions,
): Promise<readonly RemovedItem[]> {
  const { image, items } = room.store.transaction(() => {
    const found = getImage(room.store, text);
    return { image: found, items: removeInTransaction(room, text, found, options) };
  });
  const labels = image.config.config?.Labels ?? {};
  for (const item of items) {
    if (item.kind === 'untagged') publishImageEvent(room, 'untag', image.id, image.id, labels);
    else if (item.digest === image.id) publishImageEvent(room, 'delete', image.id, image.id, labels);
  }
  if (items.some((item) => item.kind === 'deleted')) await room.gate.sweep();
  return items;
}

function removeInTransaction(
  room: ImageRoom,
  text: string,
  image: ImageRecord,
  options: RemoveImageOptions,
): readonly RemovedItem[] {
  const containers = options.usedBy(image.id);
  const references = listReferences(room.store, image.id);
  if (isPrefixOfId(image.id, text)) {
    refuseConflicts(image.id, containers, {
      force: options.force,
      manyNames: references.length > 0 && !areOneName(references),
    });
    return [...untag(room, references), ...deleteImage(room, image)];
  }
  const [anyContainer] = containers;
  if (!options.force && areOneName(references) && anyContainer !== undefined) {
    throw new EngineError(
      'conflict',
      `conflict: unable to remove repository reference "${text}" (must force) - container ${shortId(anyContainer.id)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  const doomed = namesThatGoWith(parseReference(text), references);
  const untagged = untag(room, doomed);
  // The name is gone either way; the image stays, without one, as long as a container runs on it.
  const stays = doomed.length < references.length || isKept(containers, options.force);
  return stays ? untagged : [...untagged, ...deleteImage(room, image)];
}

const isKept = (containers: readonly ContainerUsingImage[], force: boolean): boolean =>
  containers.some((container) => container.running || !force);

/** The reference, and with the last tag of a repository its digest references too. */
function namesThatGoWith(named: ImageReference, all: readonly ImageReference[]): readonly ImageReference[] {
  const key = referenceKey(named);
  const repository = printRepository(named);
  const others = all.filter((reference) => referenceKey(reference) !== key);
  const siblings = others.filter((reference) => printRepository(reference) === repository);
  const lastTag = named.digest === undefined && siblings.every((reference) => reference.digest !== undefined);
  const first = all.filter((reference) => referenceKey(reference) === key);
  return lastTag ? [...first, ...siblings] : first;
}

/** True where all references are of one repository with at most one tag (beside it, digests). */
function areOneName(references: readonly ImageReference[]): boolean {
  if (references.length === 0) return false;
  const tags = references.filter((reference) => reference.digest === undefined);
  return tags.length <= 1 && new Set(references.map(printRepository)).size === 1;
}

function refuseConflicts(
  id: ImageId,
  containers: readonly ContainerUsingImage[],
  { force, manyNames }: { force: boolean; manyNames: boolean },
): void {
  const refuse = (how: string, why: string): never => {
    throw new EngineError('conflict', `conflict: unable to delete ${shortId(id)} (${how}) - ${why}`);
  };
  const running = containers.find((container) => container.running);
  if (running !== undefined) {
    refuse('cannot be forced', `image is being used by running container ${shortId(running.id)}`);
  }
  if (force) return;
  if (manyNames) refuse('must be forced', 'image is referenced in multiple repositories');
  const [stopped] = containers;
  if (stopped !== undefined) {
    refuse('must be forced', `image is being used by stopped container ${shortId(stopped.id)}`);
  }
}

function untag(room: ImageRoom, references: readonly ImageReference[]): RemovedItem[] {
  return references.map((reference) => {
    deleteReference(room.store, referenceKey(reference));
    return { kind: 'untagged', reference: printFamiliar(reference) };
  });
}

function deleteImage(room: ImageRoom, image: ImageRecord): RemovedItem[] {
  deleteImageRow(room.store, image.id);
  const named = new Set(listLayerNamings(room.store).map((row) => row.diff_id));
  const chain = chainIdsOf(image.layers);
  const layers = chain.filter((_, index) => {
    const diffId = image.layers[index];
    return diffId !== undefined && !named.has(diffId);
  });
  return [image.id, ...layers.reverse()].map((digest) => ({ kind: 'deleted', digest }));
}
