import { createHash } from 'node:crypto';

/** A member of a test tar: a file with content, or a link. */
export interface TestMember {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly linkTo?: string;
  readonly typeflag?: string;
}

/** A ustar archive of the members, as they are, however strange: nothing is checked. */
export function tarOf(members: readonly TestMember[], { end = true } = {}): Buffer {
  const parts: Buffer[] = [];
  for (const member of members) {
    const body = Buffer.from(member.content ?? '');
    parts.push(headerOf(member, body.byteLength), body, Buffer.alloc((512 - (body.byteLength % 512)) % 512));
  }
  if (end) parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

function headerOf({ name, linkTo, typeflag }: TestMember, sizeBytes: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write('0000644\x000000000\x000000000\0', 100);
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write(' '.repeat(8), 148);
  header.write(typeflag ?? (linkTo === undefined ? '0' : '2'), 156);
  header.write(linkTo ?? '', 157, 100);
  header.write('ustar\x0000', 257);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

export const hexDigestOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

export interface TestImage {
  readonly id: string;
  readonly configText: string;
  readonly layers: readonly Buffer[];
}

/** An image whose layers each hold one file with the given text. */
export function imageOf(texts: readonly string[], config: object = {}): TestImage {
  const layers = texts.map((text, index) => tarOf([{ name: `file-${index}`, content: text }]));
  const configText = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    created: '2026-01-02T03:04:05Z',
    config: { Cmd: ['/bin/sh'], Env: null, Labels: { maker: 'test' } },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${hexDigestOf(layer)}`) },
    history: texts.map((text) => ({ created: '2026-01-02T03:04:05Z', created_by: `ADD ${text}` })),
    ...config,
  });
  return { id: `sha256:${hexDigestOf(configText)}`, configText, layers };
}

/** As docker before 25 wrote it: `<id>/layer.tar`, manifest.json last. */
export function dockerMembers(image: TestImage, tags: readonly string[] | null): readonly TestMember[] {
  const config = `${image.id.slice(7)}.json`;
  const names = image.layers.map((layer) => `${hexDigestOf(layer).split('').reverse().join('')}/layer.tar`);
  return [
    ...image.layers.flatMap((content, index) => [
      { name: names[index]?.replace('layer.tar', 'VERSION') ?? '', content: '1.0' },
      { name: names[index]?.replace('layer.tar', 'json') ?? '', content: '{"id":"x"}' },
      { name: names[index] ?? '', content },
    ]),
    { name: config, content: image.configText },
    { name: 'manifest.json', content: JSON.stringify([{ Config: config, RepoTags: tags, Layers: names }]) },
  ];
}

export interface TestBlob {
  readonly mediaType: string;
  readonly content: Buffer | string;
}

export const blobMember = (content: Buffer | string): TestMember => ({
  name: `blobs/sha256/${hexDigestOf(content)}`,
  content,
});

export const descriptorOf = ({ mediaType, content }: TestBlob, more: object = {}): object => ({
  mediaType,
  digest: `sha256:${hexDigestOf(content)}`,
  size: Buffer.byteLength(content),
  ...more,
});

const OCI = 'application/vnd.oci.image';

/** The manifest of an image whose layers went through `compress`. */
export function ociManifestOf(
  image: TestImage,
  { compress = (layer: Buffer): Buffer => layer, layerType = `${OCI}.layer.v1.tar`, manifest = {} } = {},
): { readonly blob: TestBlob; readonly members: readonly TestMember[] } {
  const layers = image.layers.map((layer) => ({ mediaType: layerType, content: compress(layer) }));
  const config = { mediaType: `${OCI}.config.v1+json`, content: image.configText };
  const content = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: descriptorOf(config),
    layers: layers.map((layer) => descriptorOf(layer)),
    ...manifest,
  });
  const blob = { mediaType: `${OCI}.manifest.v1+json`, content };
  return {
    blob,
    members: [blobMember(content), blobMember(config.content), ...layers.map((layer) => blobMember(layer.content))],
  };
}

export const indexMember = (manifests: readonly object[], more: object = {}): TestMember => ({
  name: 'index.json',
  content: JSON.stringify({ schemaVersion: 2, manifests, ...more }),
});

export const LAYOUT: TestMember = { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };
