import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { makeTar, type TarEntry } from './tar.ts';

export interface ImageArchive {
  /** Each layer as entries, or as a tar of the caller's own making. */
  readonly layers: readonly (readonly TarEntry[] | Buffer)[];
  /** Merged into the config's `config` object: Cmd, Env, User … in the OCI image specification's spelling. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
  /** Default `docker`. */
  readonly format?: 'docker' | 'oci';
  readonly compression?: 'gzip' | 'zstd';
}

export interface MadeImage {
  readonly archive: Buffer;
  /** Digest of the config: the image id. */
  readonly id: string;
  readonly diffIds: readonly string[];
}

/** An archive as `docker save` or `skopeo copy … oci-archive:` would write it. */
export function makeImageArchive(image: ImageArchive): MadeImage {
  const tars = image.layers.map((layer) => (Buffer.isBuffer(layer) ? layer : makeTar(layer)));
  const diffIds = tars.map(digestOf);
  const config = Buffer.from(
    JSON.stringify({
      created: '2026-01-02T03:04:05Z',
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: image.config ?? {},
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: diffIds.map((_, index) => ({ created: '2026-01-02T03:04:05Z', created_by: `layer ${index}` })),
    }),
  );
  const blobs = tars.map((tar) => compress(tar, image.compression));
  const entries = image.format === 'oci' ? ociEntries(image, config, blobs) : dockerEntries(image, config, blobs);
  return { archive: makeTar(entries), id: digestOf(config), diffIds };
}

function dockerEntries(image: ImageArchive, config: Buffer, blobs: readonly Buffer[]): TarEntry[] {
  const layerNames = blobs.map((blob) => `${hexOf(blob)}/layer.tar`);
  const configName = `${hexOf(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: image.tags ?? [], Layers: layerNames }];
  return [
    ...blobs.flatMap((blob, index) => [
      { name: `${hexOf(blob)}/`, type: 'dir' as const },
      { name: layerNames[index] ?? '', content: blob },
    ]),
    { name: configName, content: config },
    { name: 'manifest.json', content: JSON.stringify(manifest) },
  ];
}

function ociEntries(image: ImageArchive, config: Buffer, blobs: readonly Buffer[]): TarEntry[] {
  const suffix = image.compression === undefined ? '' : `+${image.compression}`;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptorOf(config, 'application/vnd.oci.image.config.v1+json'),
      layers: blobs.map((blob) => descriptorOf(blob, `application/vnd.oci.image.layer.v1.tar${suffix}`)),
    }),
  );
  const target = descriptorOf(manifest, 'application/vnd.oci.image.manifest.v1+json');
  const names: readonly (string | undefined)[] = image.tags?.length ? image.tags : [undefined];
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: names.map((name) =>
      name === undefined ? target : { ...target, annotations: { 'io.containerd.image.name': name } },
    ),
  };
  return [
    { name: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    ...[...blobs, config, manifest].map((blob) => ({ name: `blobs/sha256/${hexOf(blob)}`, content: blob })),
    { name: 'index.json', content: JSON.stringify(index) },
  ];
}

function descriptorOf(blob: Buffer, mediaType: string) {
  return { mediaType, digest: digestOf(blob), size: blob.length };
}

function compress(tar: Buffer, compression: 'gzip' | 'zstd' | undefined): Buffer {
  if (compression === 'gzip') return gzipSync(tar, { level: 1 });
  return compression === 'zstd' ? zstdCompressSync(tar) : tar;
}

function hexOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function digestOf(bytes: Buffer): string {
  return `sha256:${hexOf(bytes)}`;
}

/** A root file system of Debian's static busybox: every applet, users root, daemon and app (1000), groups, /tmp. */
export function busyboxLayer(): TarEntry[] {
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const directory = (name: string, mode = 0o755): TarEntry => ({ name: `${name}/`, type: 'dir', mode });
  return [
    ...['bin', 'etc', 'dev', 'proc', 'sys', 'root', 'usr', 'usr/bin', 'var', 'home', 'home/app'].map((n) =>
      directory(n),
    ),
    directory('tmp', 0o1777),
    { name: 'bin/busybox', mode: 0o755, content: readFileSync('/bin/busybox') },
    ...applets
      .filter((name) => name !== 'busybox')
      .map((name): TarEntry => ({ name: `bin/${name}`, type: 'link', mode: 0o755, linkName: 'bin/busybox' })),
    {
      name: 'etc/passwd',
      content: 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\napp:x:1000:1000::/home/app:/bin/sh\n',
    },
    { name: 'etc/group', content: 'root:x:0:\ndaemon:x:1:\naudio:x:29:app\napp:x:1000:\nextra:x:2000:\n' },
    { name: 'etc/hello', content: 'hello from the image\n' },
  ];
}

/** Writes a loadable archive of the busybox image to `path`, named `busybox:test` unless told otherwise. */
export function writeBusyboxArchive(path: string, changes: Partial<ImageArchive> = {}): MadeImage {
  const made = makeImageArchive({
    layers: [busyboxLayer()],
    config: { Cmd: ['sh'], Env: ['PATH=/bin:/usr/bin'] },
    tags: ['busybox:test'],
    ...changes,
  });
  writeFileSync(path, made.archive);
  return made;
}
