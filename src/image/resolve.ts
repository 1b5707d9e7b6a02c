import { EngineError } from '#/base/errors.ts';
import { type Digest, type ImageId, isDigest } from '#/base/ids.ts';
import {
  type ImageReference,
  parseReference,
  printFamiliar,
  printFull,
  withDefaultTag,
} from '#/spec/distribution/reference.ts';
import { findImageRow, findImageRowsByPrefix, findReferenceRow } from '#/store/images.ts';
import type { Store } from '#/store/store.ts';
import { findImageById, type ImageRecord } from './record.ts';

const HEX_64 = /^[0-9a-f]{64}$/;
const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/** An image by reference, id or the beginning of one, in this order. Throws not-found with Docker's text. */
export function getImage(store: Store, text: string): ImageRecord {
  const image = findImageById(store, resolveImageId(store, text));
  if (image === undefined) throw noSuchImage(text);
  return image;
}

/** As getImage, of the id alone. Throws invalid-argument where the text can be neither reference nor id. */
export function resolveImageId(store: Store, text: string): ImageId {
  const digest = asWholeId(text);
  if (digest !== undefined) {
    const row = findImageRow(store, digest as ImageId);
    if (row === undefined) throw noSuchImage(digest);
    return row.id;
  }
  const prefix = ID_PREFIX.exec(text)?.[1];
  const reference = prefix !== undefined && text.includes(':') ? undefined : parseReference(text);
  const named = reference && findReferenceRow(store, referenceKey(reference));
  if (named !== undefined) return named.image_id;
  const shown = reference === undefined ? text : printFamiliar(withDefaultTag(reference));
  if (prefix === undefined) throw noSuchImage(shown);
  const [only, another] = findImageRowsByPrefix(store, prefix);
  if (another !== undefined) {
    throw noSuchImage(`${shown} (the ids of several images begin with ${prefix})`);
  }
  if (only === undefined) throw noSuchImage(shown);
  return only.id;
}

/** The name under which a reference is stored: with its digest, or else with its tag. */
export function referenceKey({ domain, path, tag, digest }: ImageReference): string {
  return printFull(
    withDefaultTag(
      digest !== undefined ? { domain, path, digest } : { domain, path, ...(tag === undefined ? {} : { tag }) },
    ),
  );
}

/** Whether the text names the image by its id or the beginning of it. */
export const isPrefixOfId = (id: ImageId, text: string): boolean =>
  ID_PREFIX.test(text) && (id.startsWith(text) || id.slice('sha256:'.length).startsWith(text));

function asWholeId(text: string): Digest | undefined {
  const spelled = HEX_64.test(text) ? `sha256:${text}` : text;
  return isDigest(spelled) ? spelled : undefined;
}

export const noSuchImage = (shown: string): EngineError => new EngineError('not-found', `No such image: ${shown}`);
