import { EngineError } from '#/base/errors.ts';
import type { Digest } from '#/base/ids.ts';
import type { IngestedLayer } from '#/layer/layer.ts';
import { decodeText } from '../json.ts';

/** What one file of an image archive turned out to be, told by its content and never by its name. */
export type ArchiveFile =
  | { readonly kind: 'document'; readonly bytes: Uint8Array; readonly digest: Digest }
  | { readonly kind: 'layer'; readonly layer: Promise<IngestedLayer> }
  /** Neither; `what` says why, to end a sentence that begins with its name. */
  | { readonly kind: 'other'; readonly what: string };

/** All files of an image archive, by name without `./` in front. Layers are stored, or on their way there. */
export interface ImageArchive {
  readonly files: ReadonlyMap<string, ArchiveFile>;
  /** Names that are links, with the names that they point to inside the archive. */
  readonly links: ReadonlyMap<string, string>;
}

const LINKS_MAX = 16;

export const malformed = (message: string): EngineError => new EngineError('invalid-argument', message);

/** The file of that name, through links; undefined where there is none. */
export function findFile(archive: ImageArchive, name: string): ArchiveFile | undefined {
  let target = name;
  for (let hops = 0; hops < LINKS_MAX; hops++) {
    const file = archive.files.get(target);
    if (file !== undefined) return file;
    const next = archive.links.get(target);
    if (next === undefined) return undefined;
    target = next;
  }
  throw malformed(`image archive: too many links from ${JSON.stringify(name)}`);
}

export interface ArchiveDocument {
  readonly text: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
}

/** `what` names the document in messages: "image config blobs/sha256/…". Throws invalid-argument where it is not there. */
export function getDocument(archive: ImageArchive, name: string, what = name): ArchiveDocument {
  const file = findFile(archive, name);
  if (file === undefined) throw malformed(`image archive: ${what} is missing`);
  if (file.kind === 'layer') throw malformed(`image archive: ${what} is not a JSON document`);
  if (file.kind === 'other') throw malformed(`image archive: ${what} ${file.what}`);
  return { text: decodeText(file.bytes, what), sizeBytes: file.bytes.byteLength, digest: file.digest };
}

/** As getDocument, for layers. Throws what storing the layer threw. */
export function getLayer(archive: ImageArchive, name: string): Promise<IngestedLayer> {
  const file = findFile(archive, name);
  if (file === undefined) throw malformed(`image archive: layer ${name} is missing`);
  if (file.kind === 'document') throw malformed(`image archive: layer ${name} is not a tar`);
  if (file.kind === 'other') throw malformed(`image archive: layer ${name} ${file.what}`);
  return file.layer;
}

export const blobName = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;
