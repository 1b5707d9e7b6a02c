import type { ImageId } from '#/base/ids.ts';
import { type ImageReference, parseReference, printRepository } from '#/spec/distribution/reference.ts';
import { listReferenceRows } from '#/store/images.ts';
import type { Store } from '#/store/store.ts';
import type { ImageRecord } from '../record.ts';
import { getImage, isPrefixOfId } from '../resolve.ts';

export interface SavedImage {
  readonly image: ImageRecord;
  /** The names that go with it, each with a tag; none for an image that was asked for by its id alone. */
  readonly references: readonly ImageReference[];
}

/**
 * The images that a save was asked for, each once, in the order asked. A repository without a tag means all its tags, as
 * in Docker. Throws not-found.
 */
export function selectSaved(store: Store, texts: readonly string[]): readonly SavedImage[] {
  const selected = new Map<ImageId, { image: ImageRecord; names: Map<string, ImageReference> }>();
  for (const text of texts) {
    for (const { image, reference } of meantBy(store, text)) {
      const entry = selected.get(image.id) ?? { image, names: new Map() };
      if (reference?.tag !== undefined) entry.names.set(`${printRepository(reference)}:${reference.tag}`, reference);
      selected.set(image.id, entry);
    }
  }
  return [...selected.values()].map(({ image, names }) => ({ image, references: [...names.values()] }));
}

interface Meant {
  readonly image: ImageRecord;
  readonly reference?: ImageReference;
}

function meantBy(store: Store, text: string): readonly Meant[] {
  const tags = isNameAlone(text) ? listTagsOf(store, parseReference(text)) : [];
  if (tags.length > 0) return tags.map((reference) => ({ image: getImage(store, keyOf(reference)), reference }));
  const image = getImage(store, text);
  if (isPrefixOfId(image.id, text)) return [{ image }];
  const { digest, ...reference } = parseReference(text);
  return [digest === undefined ? { image, reference } : { image }];
}

const isNameAlone = (text: string): boolean => !/[:@][^/]*$/.test(text) && !/^[0-9a-f]{64}$/.test(text);

const keyOf = ({ domain, path, tag }: ImageReference): string => `${domain}/${path}:${tag}`;

function listTagsOf(store: Store, repository: ImageReference): readonly ImageReference[] {
  const wanted = printRepository(repository);
  return listReferenceRows(store)
    .map((row) => parseReference(row.name))
    .filter((reference) => reference.digest === undefined && printRepository(reference) === wanted);
}
