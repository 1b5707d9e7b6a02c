import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type ErrorKind, isEngineError } from '#/base/errors.ts';
import {
  blobMember,
  descriptorOf,
  dockerMembers,
  hexDigestOf,
  imageOf,
  indexMember,
  LAYOUT,
  ociManifestOf,
  type TestMember,
  tarOf,
} from '../testing/archives.ts';
import { piecesOf } from '../testing/memory-layers.ts';
import { openTestImages } from '../testing/room.ts';
import { printLoaded } from './load.ts';

const IMAGE = imageOf(['one', 'two']);
const OTHER = imageOf(['one', 'three']);

function refuses(what: string, members: readonly TestMember[], kind: ErrorKind, message: RegExp): void {
  test(`${what} is refused and leaves nothing`, async (t) => {
    const { images, layers, load, seen } = openTestImages(t);
    await assert.rejects(load(members), (error) => {
      assert.ok(isEngineError(error, kind), String(error));
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(images.list(), []);
    assert.deepEqual(layers.list(), []);
    assert.deepEqual(seen, []);
  });
}

async function loadsTheImage(t: TestContext, archive: Buffer, names: readonly string[]): Promise<void> {
  const { images, layers } = openTestImages(t);
  const loaded = await images.load(piecesOf(archive));
  assert.deepEqual(
    loaded.flatMap(printLoaded),
    names.length === 0 ? [`Loaded image ID: ${IMAGE.id}`] : names.map((name) => `Loaded image: ${name}`),
  );
  const image = images.get(IMAGE.id);
  assert.deepEqual(
    image.layers,
    IMAGE.layers.map((layer) => `sha256:${hexDigestOf(layer)}`),
  );
  assert.deepEqual(image.tags, [...names].sort());
  assert.equal(
    image.sizeBytes,
    IMAGE.layers.reduce((sum, layer) => sum + layer.byteLength, 0),
  );
  assert.equal(image.createdAtMs, Date.parse('2026-01-02T03:04:05Z'));
  assert.equal(layers.list().length, 2);
}

const DOCKER = dockerMembers(IMAGE, ['app:1', 'example.org/app:2']);

test('a docker-archive is loaded with its manifest at the end, at the start and anywhere', async (t) => {
  const manifest = DOCKER.slice(-1);
  for (const members of [DOCKER, [...manifest, ...DOCKER.slice(0, -1)], DOCKER.toReversed()]) {
    await loadsTheImage(t, tarOf(members), ['app:1', 'example.org/app:2']);
  }
});

test('the whole archive may be compressed with gzip or zstd, and its names begin with ./', async (t) => {
  const names = ['app:1', 'example.org/app:2'];
  const dotted = DOCKER.map((member) => ({ ...member, name: `./${member.name}` }));
  await loadsTheImage(t, gzipSync(tarOf(dotted)), names);
  await loadsTheImage(t, zstdCompressSync(tarOf(DOCKER)), names);
});

test('layers that are links to other layers are followed, also forwards', async (t) => {
  const [first, second] = IMAGE.layers;
  const members = [
    { name: 'aaa/layer.tar', linkTo: '../bbb/layer.tar' },
    { name: 'bbb/layer.tar', content: first ?? '' },
    { name: 'ccc.tar', content: second ?? '' },
    { name: 'ddd/layer.tar', linkTo: 'ccc.tar', typeflag: '1' },
    { name: 'config', content: IMAGE.configText },
    {
      name: 'manifest.json',
      content: JSON.stringify([{ Config: 'config', RepoTags: null, Layers: ['aaa/layer.tar', 'ddd/layer.tar'] }]),
    },
  ];
  await loadsTheImage(t, tarOf(members), []);
});

test('an OCI layout is loaded, its layers plain, gzip or zstd', async (t) => {
  const variants = [
    { compress: (layer: Buffer) => layer, layerType: 'application/vnd.oci.image.layer.v1.tar' },
    { compress: (layer: Buffer) => gzipSync(layer), layerType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
    { compress: (layer: Buffer) => zstdCompressSync(layer), layerType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
  ];
  for (const variant of variants) {
    const { blob, members } = ociManifestOf(IMAGE, variant);
    const index = indexMember([descriptorOf(blob, { annotations: { 'org.opencontainers.image.ref.name': 'app:1' } })]);
    await loadsTheImage(t, tarOf([LAYOUT, index, ...members]), ['app:1']);
    await loadsTheImage(t, tarOf([...members, index, LAYOUT]), ['app:1']);
  }
});

test('a tag alone in an OCI annotation is no name; the full name beside it is', async (t) => {
  const { blob, members } = ociManifestOf(IMAGE);
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  await loadsTheImage(t, tarOf([indexMember([descriptorOf(blob, { annotations })]), ...members]), []);
  const full = { ...annotations, 'io.containerd.image.name': 'docker.io/library/app:7' };
  await loadsTheImage(t, tarOf([indexMember([descriptorOf(blob, { annotations: full })]), ...members]), ['app:7']);
});

test('of a nested index the image for this machine is taken, and attestations are passed over', async (t) => {
  const host = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const { blob, members } = ociManifestOf(IMAGE);
  const foreign = ociManifestOf(OTHER);
  const absent = { mediaType: blob.mediaType, content: 'not in the archive' };
  const content = JSON.stringify({
    schemaVersion: 2,
    manifests: [
      descriptorOf(foreign.blob, { platform: { os: 'linux', architecture: 's390x' } }),
      descriptorOf(absent, { platform: { os: 'linux', architecture: 'ppc64le' } }),
      descriptorOf(blob, { platform: host }),
      descriptorOf({ ...absent, content: '{}' }, { platform: { os: 'unknown', architecture: 'unknown' } }),
    ],
  });
  const nested = { mediaType: 'application/vnd.oci.image.index.v1+json', content };
  const archive = tarOf([...members, ...foreign.members, blobMember(content), indexMember([descriptorOf(nested)])]);
  await loadsTheImage(t, archive, []);
});

test('several images in one archive share layers and become visible together, with their events', async (t) => {
  const { images, layers, load, seen } = openTestImages(t);
  const one = dockerMembers(IMAGE, ['app:1']);
  const two = dockerMembers(OTHER, ['app:2', 'app:3']);
  const items = [one, two].flatMap((members) => JSON.parse(String(members.at(-1)?.content)));
  const files = new Map([...one, ...two].map((member) => [member.name, member]));
  files.set('manifest.json', { name: 'manifest.json', content: JSON.stringify(items) });
  await load([...files.values()]);
  assert.deepEqual(new Set(images.list().map((image) => image.id)), new Set([IMAGE.id, OTHER.id]));
  assert.equal(layers.list().length, 3);
  assert.deepEqual(seen, ['load app:1', 'tag app:1', 'load app:2', 'tag app:2', 'tag app:3']);
});

test('a name moves to the image that was loaded last, and the text says so', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const loaded = await load(dockerMembers(OTHER, ['app:1']));
  assert.deepEqual(loaded.flatMap(printLoaded), [
    `The image app:1 already exists, renaming the old one with ID ${IMAGE.id} to empty string`,
    'Loaded image: app:1',
  ]);
  assert.equal(images.get('app:1').id, OTHER.id);
  assert.deepEqual(images.get(IMAGE.id).tags, []);
});

test('progress reaches the size of every layer', async (t) => {
  const { images } = openTestImages(t);
  const last = new Map<string, number>();
  await images.load(piecesOf(tarOf(DOCKER)), {
    onProgress: ({ id, currentBytes, totalBytes }) => last.set(id, currentBytes / totalBytes),
  });
  assert.deepEqual([...last.values()], [1, 1]);
});

const CONFIG = { name: 'c.json', content: IMAGE.configText };
const LAYERS = IMAGE.layers.map((content, index) => ({ name: `${index}.tar`, content }));
const manifestOf = (...items: object[]): TestMember => ({ name: 'manifest.json', content: JSON.stringify(items) });
const ITEM = { Config: 'c.json', RepoTags: ['app:1'], Layers: ['0.tar', '1.tar'] };
const WHOLE = [CONFIG, ...LAYERS, manifestOf(ITEM)];
const withConfig = (content: string): readonly TestMember[] => [{ ...CONFIG, content }, ...LAYERS, manifestOf(ITEM)];
const changed = (more: object): readonly TestMember[] => withConfig(imageOf(['one', 'two'], more).configText);

refuses(
  'an archive without a manifest',
  [CONFIG, ...LAYERS],
  'invalid-argument',
  /neither manifest.json .* nor index.json/,
);
refuses('an empty archive', [], 'invalid-argument', /neither/);
refuses('a second manifest.json', [...WHOLE, manifestOf(ITEM)], 'invalid-argument', /"manifest.json" is there twice/);
refuses(
  'a second manifest.json as a link',
  [...WHOLE, { name: './manifest.json', linkTo: 'c.json' }],
  'invalid-argument',
  /twice/,
);
refuses('a name with ..', [...WHOLE, { name: '../../etc/cron.d/x', content: 'x' }], 'data-loss', /could lead out/);
refuses(
  'a link out of the archive',
  [...WHOLE, { name: 'x/layer.tar', linkTo: '../../etc/shadow' }],
  'data-loss',
  /outside/,
);
refuses('an absolute link', [...WHOLE, { name: 'l.tar', linkTo: '/etc/shadow' }], 'data-loss', /outside/);
refuses(
  'a config that is a link out of the archive',
  [{ name: 'c.json', linkTo: '/etc/passwd' }, ...LAYERS, manifestOf(ITEM)],
  'data-loss',
  /outside/,
);
refuses(
  'a ring of links',
  [CONFIG, { name: '0.tar', linkTo: '1.tar' }, { name: '1.tar', linkTo: '0.tar' }, manifestOf(ITEM)],
  'invalid-argument',
  /too many links/,
);
refuses(
  'a missing layer',
  [CONFIG, ...LAYERS.slice(1), manifestOf(ITEM)],
  'invalid-argument',
  /layer 0.tar is missing/,
);
refuses('a missing config', [...LAYERS, manifestOf(ITEM)], 'invalid-argument', /image config c.json is missing/);
refuses(
  'a manifest that is no JSON',
  [...WHOLE.slice(0, -1), { name: 'manifest.json', content: '[{' }],
  'invalid-argument',
  /not valid JSON/,
);
refuses(
  'a manifest of the wrong shape',
  [...WHOLE.slice(0, -1), manifestOf({ Config: 7 })],
  'invalid-argument',
  /manifest.json is malformed at 0.Config/,
);
refuses(
  'a manifest without images',
  [...WHOLE.slice(0, -1), manifestOf()],
  'invalid-argument',
  /manifest.json is malformed/,
);
refuses(
  'a manifest beyond 4 MiB',
  [...WHOLE.slice(0, -1), { name: 'manifest.json', content: `[${' '.repeat(4 * 1024 ** 2)}]` }],
  'invalid-argument',
  /manifest.json is too large: the limit is 4194304 bytes/,
);
refuses(
  'a manifest after more than 64 MiB of documents',
  [
    ...Array.from({ length: 17 }, (_, i) => ({ name: `${i}.json`, content: `{${' '.repeat(4 * 1024 ** 2 - 2)}}` })),
    ...WHOLE,
  ],
  'invalid-argument',
  /too large/,
);
refuses(
  'fewer layers than the config says',
  [CONFIG, ...LAYERS, manifestOf({ ...ITEM, Layers: ['0.tar'] })],
  'invalid-argument',
  /layers length mismatch: expected 2, got 1/,
);
refuses(
  'layers in the wrong order',
  [CONFIG, ...LAYERS, manifestOf({ ...ITEM, Layers: ['1.tar', '0.tar'] })],
  'data-loss',
  /invalid diffID for layer 0/,
);
refuses(
  'a config that is no config',
  withConfig('{}'),
  'invalid-argument',
  /image config is malformed at architecture/,
);
refuses('a config without an os', changed({ os: '' }), 'invalid-argument', /malformed at os/);
refuses('a config for Windows', changed({ os: 'windows' }), 'invalid-argument', /cannot load windows image on linux/);
refuses(
  'a config whose labels are not text',
  changed({ config: { Labels: { a: { b: 1 } } } }),
  'invalid-argument',
  /config.Labels.a/,
);
refuses(
  'a config with a wrong digest',
  changed({ rootfs: { type: 'layers', diff_ids: ['sha256:..'] } }),
  'invalid-argument',
  /rootfs.diff_ids.0/,
);
refuses(
  'a config of 128 layers',
  changed({ rootfs: { type: 'layers', diff_ids: Array(128).fill(`sha256:${'0'.repeat(64)}`) } }),
  'invalid-argument',
  /rootfs.diff_ids/,
);
refuses(
  'a config that is not UTF-8',
  [{ ...CONFIG, content: Buffer.from('{"os":"\xff"}', 'latin1') }, ...LAYERS, manifestOf(ITEM)],
  'invalid-argument',
  /not valid UTF-8/,
);
refuses(
  'a config in place of a layer',
  [CONFIG, ...LAYERS, manifestOf({ ...ITEM, Layers: ['c.json', '1.tar'] })],
  'invalid-argument',
  /layer c.json is not a tar/,
);
refuses(
  'an invalid name',
  [CONFIG, ...LAYERS, manifestOf({ ...ITEM, RepoTags: ['Foo:1'] })],
  'invalid-argument',
  /must be lowercase/,
);
refuses(
  'a name without a tag',
  [CONFIG, ...LAYERS, manifestOf({ ...ITEM, RepoTags: ['foo'] })],
  'invalid-argument',
  /invalid tag "foo"/,
);
refuses(
  'one name for two images',
  [
    CONFIG,
    ...LAYERS,
    { name: 'd.json', content: imageOf(['one', 'two'], { author: 'x' }).configText },
    manifestOf(ITEM, { ...ITEM, Config: 'd.json' }),
  ],
  'invalid-argument',
  /names two images/,
);
refuses(
  'a layer in xz',
  [CONFIG, { name: '0.tar', content: Buffer.from('fd377a585a000004', 'hex') }, ...LAYERS.slice(1), manifestOf(ITEM)],
  'invalid-argument',
  /layer 0.tar is compressed with xz, which is not supported/,
);
refuses(
  'a layer that is noise',
  [CONFIG, { name: '0.tar', content: 'noise'.repeat(300) }, ...LAYERS.slice(1), manifestOf(ITEM)],
  'invalid-argument',
  /neither a tar/,
);
refuses(
  'an empty layer file',
  [CONFIG, { name: '0.tar', content: '' }, ...LAYERS.slice(1), manifestOf(ITEM)],
  'invalid-argument',
  /layer 0.tar is empty/,
);
refuses(
  'a damaged gzip layer',
  [
    CONFIG,
    { name: '0.tar', content: gzipSync(LAYERS[0]?.content ?? '').subarray(0, -9) },
    ...LAYERS.slice(1),
    manifestOf(ITEM),
  ],
  'data-loss',
  /gzip/,
);

const OCI = ociManifestOf(IMAGE);
const WRONG_BLOB = `blobs/sha256/${'0'.repeat(64)}`;
const oci = (manifest: object): readonly TestMember[] => {
  const { blob, members } = ociManifestOf(IMAGE, { manifest });
  return [...members, indexMember([descriptorOf(blob)])];
};
const typed = (mediaType: string): object => ({
  mediaType,
  digest: `sha256:${hexDigestOf(IMAGE.configText)}`,
  size: IMAGE.configText.length,
});

refuses(
  'a layer blob of another digest',
  [{ name: WRONG_BLOB, content: LAYERS[0]?.content ?? '' }],
  'data-loss',
  /digest/,
);
refuses('a document blob of another digest', [{ name: WRONG_BLOB, content: '{}' }], 'data-loss', /has the digest/);
refuses(
  'a blob name that is no digest',
  [{ name: 'blobs/sha256/xyz', content: '{}' }],
  'invalid-argument',
  /invalid digest/,
);
refuses('a manifest that is also an index', oci({ manifests: [] }), 'invalid-argument', /malformed at manifests/);
refuses(
  'an index that is also a manifest',
  [...OCI.members, indexMember([descriptorOf(OCI.blob)], { layers: [] })],
  'invalid-argument',
  /index.json is malformed at layers/,
);
refuses(
  'a manifest of another media type than listed',
  oci({ mediaType: 'application/vnd.oci.image.index.v1+json' }),
  'invalid-argument',
  /calls itself .*index.* is listed as .*manifest/,
);
refuses(
  'a config of unknown media type',
  oci({ config: typed('application/vnd.wasm.config') }),
  'invalid-argument',
  /config sha256:.* media type "application\/vnd.wasm.config", which is not supported/,
);
refuses(
  'a layer of unknown media type',
  oci({ layers: [typed('application/x-zip')] }),
  'invalid-argument',
  /media type "application\/x-zip"/,
);
refuses(
  'a manifest of unknown media type',
  [...OCI.members, indexMember([descriptorOf({ ...OCI.blob, mediaType: 'text/plain' })])],
  'invalid-argument',
  /media type "text\/plain"/,
);
refuses(
  'a descriptor with another size',
  [...OCI.members, indexMember([descriptorOf(OCI.blob, { size: 1 })])],
  'data-loss',
  /its descriptor says 1/,
);
refuses('an index without images', [LAYOUT, indexMember([])], 'invalid-argument', /names no image/);
refuses(
  'an index of another schema',
  [LAYOUT, indexMember([], { schemaVersion: 1 })],
  'invalid-argument',
  /schemaVersion/,
);
refuses(
  'an image whose manifest is missing',
  [LAYOUT, ...OCI.members.slice(1), indexMember([descriptorOf(OCI.blob)])],
  'invalid-argument',
  /manifest sha256:.* is missing/,
);

test('an archive in bzip2 or xz is refused with a clear text', async (t) => {
  const { images } = openTestImages(t);
  for (const [compression, magic] of [
    ['bzip2', '425a6839'],
    ['xz', 'fd377a585a0000'],
  ] as const) {
    await assert.rejects(images.load(piecesOf(Buffer.from(magic.padEnd(2048, '0'), 'hex'))), (error) => {
      assert.ok(isEngineError(error, 'not-implemented'));
      assert.match(error.message, new RegExp(`${compression} is not supported`));
      return true;
    });
  }
});

test('an archive that is cut off anywhere leaves nothing, or is whole', async (t) => {
  const { images, layers } = openTestImages(t);
  const seed = Number(process.env.GANTRY_TEST_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`GANTRY_TEST_SEED=${seed}`);
  const whole = tarOf(DOCKER);
  const packed = gzipSync(whole);
  let state = seed;
  for (let round = 0; round < 60; round++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const archive = round % 2 === 0 ? whole : packed;
    const cut = archive.subarray(0, state % archive.byteLength);
    const loaded = await images.load(piecesOf(cut)).catch((error: unknown) => {
      assert.ok(isEngineError(error), String(error));
      return undefined;
    });
    if (loaded === undefined) {
      assert.deepEqual([images.list(), layers.list()], [[], []], `cut at ${cut.byteLength}`);
      continue;
    }
    for (const name of ['app:1', 'example.org/app:2']) {
      await images.remove(name, { force: false, usedBy: () => [] });
    }
  }
});

test('a canceled load ends although its source is silent, and leaves nothing', async (t) => {
  const { images, layers } = openTestImages(t);
  const archive = tarOf(DOCKER);
  async function* silent(): AsyncGenerator<Buffer> {
    yield* piecesOf(archive.subarray(0, 5_000));
    await new Promise(() => {});
  }
  const stop = new AbortController();
  const loading = images.load(silent(), { signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  await assert.rejects(loading, (error) => isEngineError(error, 'canceled'));
  assert.deepEqual([layers.list(), layers.ingesting], [[], 0]);
});

test('a source that breaks off with an error of its own fails the load, in every part of the archive', async (t) => {
  const { images, layers } = openTestImages(t);
  const archive = tarOf(DOCKER);
  for (let at = 0; at < archive.byteLength; at += 700) {
    async function* breaking(): AsyncGenerator<Buffer> {
      yield* piecesOf(archive.subarray(0, at));
      throw new Error('the client is gone');
    }
    await assert.rejects(
      images.load(breaking()),
      (error) => isEngineError(error) && /the client is gone/.test(error.message),
    );
    assert.deepEqual([images.list(), layers.list()], [[], []]);
  }
});

test('a layer that cannot be stored fails the load with its own error once all others have stopped', async (t) => {
  const { images, layers } = openTestImages(t);
  layers.beforeStore = async (diffId) => {
    if (diffId.endsWith(hexDigestOf(IMAGE.layers[1] ?? ''))) throw new Error('disk full');
    await new Promise((resolve) => setTimeout(resolve, 30));
  };
  await assert.rejects(images.load(piecesOf(tarOf(DOCKER))), /disk full/);
  assert.deepEqual([layers.list(), layers.ingesting], [[], 0]);
});

test('a layer is read while the one before it is still being stored', async (t) => {
  const { images, layers } = openTestImages(t);
  let together = 0;
  layers.beforeStore = async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    together = Math.max(together, layers.ingesting);
  };
  await images.load(piecesOf(tarOf(DOCKER), 100_000));
  assert.equal(together, 2);
});
