import { z } from 'zod';
import { EngineError, isEngineError } from '#/base/errors.ts';
import { type Digest, isDigest } from '#/base/ids.ts';
import type { IngestedLayer } from '#/layer/layer.ts';
import { type ImageReference, parseReference } from '#/spec/distribution/reference.ts';
import { MEDIA_TYPES, type OciDescriptor, type OciManifest } from '#/spec/oci/image.ts';
import { parseJson, withoutNulls } from '../json.ts';
import { hostPlatform, platformMatches, printPlatform } from '../platform.ts';
import {
  type ArchiveDocument,
  blobName,
  findFile,
  getDocument,
  getLayer,
  type ImageArchive,
  malformed,
} from './archive-file.ts';
import { type PlannedImage, planImage } from './planned-image.ts';

const INDEX_TYPES: readonly string[] = [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerIndex];
const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest];
const CONFIG_TYPES: readonly string[] = [MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig];
const LAYER_TYPES: readonly string[] = [
  MEDIA_TYPES.ociLayer,
  MEDIA_TYPES.ociLayerGzip,
  MEDIA_TYPES.ociLayerZstd,
  MEDIA_TYPES.dockerLayer,
  MEDIA_TYPES.dockerLayerGzip,
];
const NESTING_MAX = 4;
const ATTESTATION = 'vnd.docker.reference.type';
const FULL_NAME = 'io.containerd.image.name';
const REF_NAME = 'org.opencontainers.image.ref.name';

const platform = z.looseObject({ os: z.string(), architecture: z.string(), variant: z.string().optional() });
const descriptor = z.looseObject({
  mediaType: z.string(),
  digest: z.string().refine(isDigest, 'sha256:<64 hex digits> expected'),
  size: z.number().int().nonnegative(),
  platform: platform.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const anyDescriptor = z.preprocess(withoutNulls, descriptor) as unknown as z.ZodType<OciDescriptor>;
// A document with the lists of both kinds could be read as either (CVE-2021-41190).
const index = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: z.array(anyDescriptor),
  layers: z.undefined().optional(),
  config: z.undefined().optional(),
});
const manifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  config: anyDescriptor,
  layers: z.array(anyDescriptor),
  manifests: z.undefined().optional(),
});
const anyIndex = index as unknown as z.ZodType<{ readonly manifests: readonly OciDescriptor[]; mediaType?: string }>;
const anyManifest = manifest as unknown as z.ZodType<OciManifest>;

/** The images of an OCI layout, by its `index.json`: of each entry the one for this machine's platform. */
export async function planOciImages(archive: ImageArchive): Promise<readonly PlannedImage[]> {
  const top = parseJson(anyIndex, getDocument(archive, 'index.json').text, 'index.json');
  refuseOtherMediaType('index.json', top.mediaType, MEDIA_TYPES.ociIndex);
  const images = new Map<Digest, PlannedImage>();
  for (const entry of top.manifests) {
    if (isAttestation(entry)) continue;
    const found = await planEntry(archive, entry);
    const before = images.get(found.id);
    const references = [...(before?.references ?? []), ...namesOf(entry)];
    images.set(found.id, { ...found, references });
  }
  if (images.size === 0) throw malformed('image archive: index.json names no image');
  return [...images.values()];
}

async function planEntry(archive: ImageArchive, entry: OciDescriptor): Promise<PlannedImage> {
  const candidates = listManifests(archive, entry, 0);
  const host = hostPlatform();
  const fitting = candidates.find(
    (candidate) => candidate.platform !== undefined && platformMatches(host, candidate.platform),
  );
  const [first] = candidates;
  const chosen = fitting ?? (candidates.length === 1 ? first : undefined);
  if (chosen === undefined) {
    const offered = candidates.flatMap((each) => (each.platform === undefined ? [] : [printPlatform(each.platform)]));
    throw malformed(
      `image archive: ${entry.digest} has no image for ${printPlatform(host)} (it has: ${offered.join(', ') || 'none'})`,
    );
  }
  return planManifest(archive, chosen);
}

/** The manifests of images below a descriptor that are in the archive, attestations left out. */
function listManifests(archive: ImageArchive, entry: OciDescriptor, depth: number): readonly OciDescriptor[] {
  if (MANIFEST_TYPES.includes(entry.mediaType)) return [entry];
  if (!INDEX_TYPES.includes(entry.mediaType)) throw unknownMediaType('manifest', entry);
  if (depth === NESTING_MAX) throw malformed(`image archive: indexes are nested more than ${NESTING_MAX} deep`);
  const document = getBlobDocument(archive, entry, 'index');
  const nested = parseJson(anyIndex, document.text, `index ${entry.digest}`);
  refuseOtherMediaType(`index ${entry.digest}`, nested.mediaType, entry.mediaType);
  // Archives of one platform keep the whole index and leave the other platforms' blobs out.
  return nested.manifests
    .filter((child) => !isAttestation(child) && findFile(archive, blobName(child.digest)) !== undefined)
    .flatMap((child) => listManifests(archive, child, depth + 1));
}

async function planManifest(archive: ImageArchive, entry: OciDescriptor): Promise<PlannedImage> {
  const what = `manifest ${entry.digest}`;
  const parsed = parseJson(anyManifest, getBlobDocument(archive, entry, 'manifest').text, what);
  refuseOtherMediaType(what, parsed.mediaType, entry.mediaType);
  if (!CONFIG_TYPES.includes(parsed.config.mediaType)) throw unknownMediaType('config', parsed.config);
  const config = getBlobDocument(archive, parsed.config, 'image config');
  const unknown = parsed.layers.find((layer) => !LAYER_TYPES.includes(layer.mediaType));
  if (unknown !== undefined) throw unknownMediaType('layer', unknown);
  return planImage(
    config,
    parsed.layers.map((layer) => getBlobLayer(archive, layer)),
    [],
  );
}

function getBlobDocument(archive: ImageArchive, { digest, size }: OciDescriptor, what: string): ArchiveDocument {
  const document = getDocument(archive, blobName(digest), `${what} ${digest}`);
  refuseOtherSize(`${what} ${digest}`, document.sizeBytes, size);
  return document;
}

async function getBlobLayer(archive: ImageArchive, { digest, size }: OciDescriptor): Promise<IngestedLayer> {
  const layer = await getLayer(archive, blobName(digest));
  refuseOtherSize(`layer ${digest}`, layer.blobSizeBytes, size);
  return layer;
}

function refuseOtherSize(what: string, foundBytes: number, statedBytes: number): void {
  if (foundBytes === statedBytes) return;
  throw new EngineError('data-loss', `${what} has ${foundBytes} bytes, its descriptor says ${statedBytes}`);
}

function refuseOtherMediaType(what: string, stated: string | undefined, expected: string): void {
  if (stated === undefined || stated === expected) return;
  throw malformed(`${what} calls itself ${stated}, but is listed as ${expected}`);
}

function unknownMediaType(what: string, { digest, mediaType }: OciDescriptor): EngineError {
  return malformed(`${what} ${digest} has media type ${JSON.stringify(mediaType)}, which is not supported`);
}

const isAttestation = ({ annotations, platform: of }: OciDescriptor): boolean =>
  annotations?.[ATTESTATION] !== undefined || (of?.os === 'unknown' && of.architecture === 'unknown');

/** The standard's own annotation may hold a whole name or only a tag; a tag alone names nothing here. */
function namesOf({ annotations }: OciDescriptor): readonly ImageReference[] {
  const full = annotations?.[FULL_NAME];
  if (full !== undefined) return [withTag(parseReference(full))];
  const name = annotations?.[REF_NAME];
  if (name === undefined || !/[:/]/.test(name)) return [];
  try {
    return [withTag(parseReference(name))];
  } catch (error) {
    if (isEngineError(error, 'invalid-argument')) return [];
    throw error;
  }
}

const withTag = ({ domain, path, tag }: ImageReference): ImageReference => ({ domain, path, tag: tag ?? 'latest' });
