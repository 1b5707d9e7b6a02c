import { createHash } from 'node:crypto';
import { type DiffId, type Digest, digestOfHex, hexOf } from '#/base/ids.ts';
import {
  type ImageReference,
  printFamiliar,
  printFamiliarRepository,
  printFull,
} from '#/spec/distribution/reference.ts';
import { MEDIA_TYPES, type OciDescriptor } from '#/spec/oci/image.ts';
import { blobName } from '../load/archive-file.ts';
import type { SavedImage } from './select-saved.ts';

/** One file of an archive that is to be written: a document, or a layer's tar. */
export type SavedFile =
  | { readonly kind: 'document'; readonly name: string; readonly bytes: Buffer }
  | { readonly kind: 'layer'; readonly name: string; readonly diffId: DiffId; readonly sizeBytes: number };

interface SavedManifest {
  readonly saved: SavedImage;
  readonly manifest: Buffer;
  readonly layers: readonly OciDescriptor[];
}

/**
 * The files of an archive as docker 25 and later write it: an OCI layout and a docker-archive in one, over the same blobs.
 * Layers are uncompressed, so the manifest's digest follows from the image alone: the same images give the same bytes.
 */
export function planSave(images: readonly SavedImage[], sizeOf: (diffId: DiffId) => number): readonly SavedFile[] {
  const manifests = images.map((saved) => buildManifest(saved, sizeOf));
  const blobs = new Map<string, SavedFile>();
  for (const { saved, manifest, layers } of manifests) {
    addBlob(blobs, manifest);
    addBlob(blobs, Buffer.from(saved.image.configText));
    for (const { digest, size } of layers) {
      const name = blobName(digest);
      blobs.set(name, { kind: 'layer', name, diffId: digest as DiffId, sizeBytes: size });
    }
  }
  return [
    jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
    jsonFile('index.json', indexOf(manifests)),
    jsonFile('manifest.json', manifests.map(dockerManifestOf)),
    ...repositoriesFile(images),
    ...[...blobs.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  ];
}

function buildManifest(saved: SavedImage, sizeOf: (diffId: DiffId) => number): SavedManifest {
  const layers = saved.image.layers.map((diffId) => describe(MEDIA_TYPES.ociLayer, diffId, sizeOf(diffId)));
  const config = Buffer.from(saved.image.configText);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: describe(MEDIA_TYPES.ociConfig, saved.image.id, config.byteLength),
    layers,
  };
  return { saved, manifest: Buffer.from(JSON.stringify(manifest)), layers };
}

const describe = (mediaType: string, digest: Digest, size: number): OciDescriptor => ({ mediaType, digest, size });

const digestOf = (bytes: Buffer): Digest => digestOfHex(createHash('sha256').update(bytes).digest('hex'));

function addBlob(blobs: Map<string, SavedFile>, bytes: Buffer): void {
  const name = blobName(digestOf(bytes));
  blobs.set(name, { kind: 'document', name, bytes });
}

const jsonFile = (name: string, value: unknown): SavedFile => ({
  kind: 'document',
  name,
  bytes: Buffer.from(JSON.stringify(value)),
});

function indexOf(manifests: readonly SavedManifest[]): unknown {
  const entries = manifests.flatMap(({ saved, manifest }): readonly object[] => {
    const descriptor = describe(MEDIA_TYPES.ociManifest, digestOf(manifest), manifest.byteLength);
    const { os, architecture, variant } = saved.image.config;
    const platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
    if (saved.references.length === 0) return [{ ...descriptor, platform }];
    return saved.references.map((reference) => ({ ...descriptor, platform, annotations: annotationsOf(reference) }));
  });
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: entries };
}

const annotationsOf = (reference: ImageReference): unknown => ({
  'io.containerd.image.name': printFull(reference),
  'org.opencontainers.image.ref.name': reference.tag,
});

function dockerManifestOf({ saved, layers }: SavedManifest): unknown {
  return {
    Config: blobName(saved.image.id),
    RepoTags: saved.references.length === 0 ? null : saved.references.map(printFamiliar),
    Layers: layers.map((layer) => blobName(layer.digest)),
    LayerSources: Object.fromEntries(layers.map((layer) => [layer.digest, layer])),
  };
}

/** What Docker before 1.10 read: repository → tag → topmost layer. */
function repositoriesFile(images: readonly SavedImage[]): readonly SavedFile[] {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, references } of images) {
    const top = image.layers.at(-1);
    if (top === undefined) continue;
    for (const reference of references) {
      const name = printFamiliarRepository(reference);
      repositories[name] = { ...repositories[name], [reference.tag ?? '']: hexOf(top) };
    }
  }
  return Object.keys(repositories).length === 0 ? [] : [jsonFile('repositories', repositories)];
}
