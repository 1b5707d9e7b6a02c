import { EngineError } from '#/base/errors.ts';
import {
  type ImageReference,
  parseReference,
  printFamiliar,
  printFamiliarRepository,
  withDefaultTag,
} from '#/spec/distribution/reference.ts';
import { setReference } from '#/store/images.ts';
import { referenceKey, resolveImageId } from './resolve.ts';
import { type ImageRoom, publishImageEvent } from './room.ts';

/** Gives an image one more name, taking the name from whichever image has it. Idempotent. */
export function tagImage(room: ImageRoom, source: string, target: string): void {
  const reference = parseTag(target);
  const id = room.store.transaction(() => {
    const found = resolveImageId(room.store, source);
    setReference(room.store, referenceKey(reference), found, room.clock.now());
    return found;
  });
  publishImageEvent(room, 'tag', id, printFamiliar(reference));
}

/** A reference that can be given to an image: with a tag (`latest` if none is said) and without a digest. */
export function parseTag(text: string): ImageReference {
  const reference = parseReference(text);
  if (reference.digest !== undefined) {
    throw new EngineError('invalid-argument', 'refusing to create a tag with a digest reference');
  }
  if (printFamiliarRepository(reference) === 'sha256') {
    throw new EngineError('invalid-argument', 'refusing to create an ambiguous tag using digest algorithm as name');
  }
  return withDefaultTag(reference);
}
