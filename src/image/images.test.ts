import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorKind, isEngineError } from '#/base/errors.ts';
import type { ContainerId, DiffId, ImageId } from '#/base/ids.ts';
import { insertImage, setReference } from '#/store/images.ts';
import { chainIdsOf } from './chain-id.ts';
import { parseImageConfig, readStoredConfig } from './image-config.ts';
import { dockerMembers, hexDigestOf, imageOf, tarOf } from './testing/archives.ts';
import { piecesOf } from './testing/memory-layers.ts';
import { openTestImages } from './testing/room.ts';

const IMAGE = imageOf(['one', 'two']);
const OTHER = imageOf(['one', 'three']);
const SHORT = IMAGE.id.slice(7, 19);
const CONTAINER = 'c'.repeat(64) as ContainerId;
const unused = { force: false, usedBy: () => [] };
const stopped = { force: false, usedBy: () => [{ id: CONTAINER, running: false }] };
const running = { force: false, usedBy: () => [{ id: CONTAINER, running: true }] };
const forced = { force: true, usedBy: () => [] };

const fails = (kind: ErrorKind, message: string) => (error: unknown) => {
  assert.ok(isEngineError(error, kind), String(error));
  assert.equal(error.message, message);
  return true;
};

const layerIdsOf = (image: typeof IMAGE): readonly DiffId[] =>
  image.layers.map((layer) => `sha256:${hexDigestOf(layer)}` as DiffId);

test('an image is found by reference, by id and by the beginning of its id', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:latest', 'example.org:5000/app:2']));
  const texts = [
    'app',
    'app:latest',
    'docker.io/library/app',
    'example.org:5000/app:2',
    IMAGE.id,
    IMAGE.id.slice(7),
    SHORT,
  ];
  for (const text of [...texts, `sha256:${SHORT}`, IMAGE.id.slice(7, 10)])
    assert.equal(images.get(text).id, IMAGE.id, text);
});

test('what is not there is reported in the words of docker', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const zeros = '0'.repeat(64);
  const texts: ReadonlyArray<readonly [string, string]> = [
    ['foo', 'foo:latest'],
    ['app', 'app:latest'],
    ['docker.io/library/foo:2', 'foo:2'],
    ['x.io/foo', 'x.io/foo:latest'],
    [zeros, `sha256:${zeros}`],
    [`sha256:${zeros}`, `sha256:${zeros}`],
    [`foo@sha256:${zeros}`, `foo@sha256:${zeros}`],
  ];
  for (const [text, shown] of texts) {
    assert.throws(() => images.get(text), fails('not-found', `No such image: ${shown}`));
    assert.equal(images.find(text), undefined);
  }
  assert.throws(() => images.get('Foo'), /must be lowercase/);
});

test('a prefix of two ids names neither', async (t) => {
  const { images, store } = openTestImages(t);
  for (const end of ['1', '2']) {
    const id = `sha256:${'abc'.padEnd(63, '0')}${end}` as ImageId;
    insertImage(store, { id, config: IMAGE.configText, size_bytes: 0, created_at: 0, added_at: 0 }, []);
  }
  assert.throws(
    () => images.get('abc'),
    fails('not-found', 'No such image: abc:latest (the ids of several images begin with abc)'),
  );
});

test('history is newest first, with the sizes of the layers', async (t) => {
  const { images, load } = openTestImages(t);
  const steps = [{ created_by: 'a' }, { created_by: 'b', empty_layer: true, comment: 'c' }, { created_by: 'd' }];
  const image = imageOf(['one', 'two'], { history: steps });
  await load(dockerMembers(image, ['app:1']));
  const listed = images.history('app:1');
  const [first, second] = image.layers.map((layer) => layer.byteLength);
  assert.deepEqual(
    listed.map((step) => [step.id, step.createdBy, step.sizeBytes, step.tags]),
    [
      [image.id, 'd', second, ['app:1']],
      [undefined, 'b', 0, []],
      [undefined, 'a', first, []],
    ],
  );
});

test('a history that tells of too few or too many layers is still listed', async (t) => {
  const { images, load } = openTestImages(t);
  const few = imageOf(['one', 'two'], { history: [{ created_by: 'a' }] });
  const many = imageOf(['one'], { history: [{ created_by: 'a' }, { created_by: 'b' }] });
  await load(dockerMembers(few, ['few:1']));
  await load(dockerMembers(many, ['many:1']));
  assert.deepEqual(
    images.history('few:1').map((step) => step.createdBy),
    ['', 'a'],
  );
  assert.deepEqual(
    images.history('many:1').map((step) => step.sizeBytes),
    [0, many.layers[0]?.byteLength],
  );
});

test('tagging gives names, moves them, and refuses digests and the name of the digest algorithm', async (t) => {
  const { images, load, seen } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  await load(dockerMembers(OTHER, ['other:1']));
  images.tag('app:1', 'new');
  assert.deepEqual(images.get('new').tags, ['app:1', 'new:latest']);
  images.tag(OTHER.id, 'new:latest');
  images.tag(OTHER.id, 'new:latest');
  assert.equal(images.get('new').id, OTHER.id);
  assert.deepEqual(images.get(IMAGE.id).tags, ['app:1']);
  assert.equal(seen.at(-1), 'tag new:latest');
  assert.throws(() => images.tag('gone', 'x'), fails('not-found', 'No such image: gone:latest'));
  assert.throws(() => images.tag('app:1', `x@${IMAGE.id}`), /refusing to create a tag with a digest reference/);
  assert.throws(() => images.tag('app:1', 'sha256:abc'), /refusing to create an ambiguous tag/);
});

test('removing the last name removes the image and the layers that no other image has', async (t) => {
  const { images, layers, load, seen } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1', 'app:2']));
  await load(dockerMembers(OTHER, ['other:1']));
  seen.length = 0;
  assert.deepEqual(await images.remove('app:1', unused), [{ kind: 'untagged', reference: 'app:1' }]);
  const chain = chainIdsOf(layerIdsOf(IMAGE));
  assert.deepEqual(await images.remove('app:2', unused), [
    { kind: 'untagged', reference: 'app:2' },
    { kind: 'deleted', digest: IMAGE.id },
    { kind: 'deleted', digest: chain[1] },
  ]);
  assert.deepEqual(new Set(layers.list()), new Set(layerIdsOf(OTHER)));
  assert.deepEqual(seen, [`untag ${IMAGE.id}`, `untag ${IMAGE.id}`, `delete ${IMAGE.id}`]);
  await assert.rejects(images.remove('app:2', unused), fails('not-found', 'No such image: app:2'));
});

test('an image with several names is not removed by id unless forced', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1', 'other:1']));
  await assert.rejects(
    images.remove(SHORT, unused),
    fails(
      'conflict',
      `conflict: unable to delete ${SHORT} (must be forced) - image is referenced in multiple repositories`,
    ),
  );
  assert.equal(images.get('app:1').id, IMAGE.id);
  const removed = await images.remove(SHORT, forced);
  assert.deepEqual(removed.slice(0, 3), [
    { kind: 'untagged', reference: 'app:1' },
    { kind: 'untagged', reference: 'other:1' },
    { kind: 'deleted', digest: IMAGE.id },
  ]);
});

test('an image with one name, or one name and digests of the same repository, is removed by id', async (t) => {
  const { images, store, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  setReference(store, `docker.io/library/app@${IMAGE.id}`, IMAGE.id as ImageId, 1);
  assert.deepEqual(images.get('app:1').digests, [`app@${IMAGE.id}`]);
  assert.equal((await images.remove(IMAGE.id, unused)).filter((item) => item.kind === 'untagged').length, 2);
  assert.deepEqual(images.list(), []);
});

test('the last tag of a repository takes its digest references along', async (t) => {
  const { images, store, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1', 'other:1']));
  setReference(store, `docker.io/library/app@${IMAGE.id}`, IMAGE.id as ImageId, 1);
  assert.deepEqual(await images.remove('app:1', unused), [
    { kind: 'untagged', reference: 'app:1' },
    { kind: 'untagged', reference: `app@${IMAGE.id}` },
  ]);
  assert.deepEqual(images.get(IMAGE.id).tags, ['other:1']);
});

test('an image that containers use is kept, with the texts of docker', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const mustForce = `conflict: unable to remove repository reference "app:1" (must force) - container cccccccccccc is using its referenced image ${SHORT}`;
  await assert.rejects(images.remove('app:1', stopped), fails('conflict', mustForce));
  await assert.rejects(images.remove('app:1', running), fails('conflict', mustForce));
  await assert.rejects(
    images.remove(SHORT, stopped),
    fails(
      'conflict',
      `conflict: unable to delete ${SHORT} (must be forced) - image is being used by stopped container cccccccccccc`,
    ),
  );
  await assert.rejects(
    images.remove(SHORT, { ...running, force: true }),
    fails(
      'conflict',
      `conflict: unable to delete ${SHORT} (cannot be forced) - image is being used by running container cccccccccccc`,
    ),
  );
  images.tag('app:1', 'app:2');
  assert.deepEqual(await images.remove('app:1', running), [{ kind: 'untagged', reference: 'app:1' }]);
  assert.deepEqual(await images.remove('app:2', { ...running, force: true }), [
    { kind: 'untagged', reference: 'app:2' },
  ]);
  assert.deepEqual(images.get(SHORT).tags, []);
});

test('the layers of a container outlive its image', async (t) => {
  const { images, layers, layersInUse, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  for (const diffId of layerIdsOf(IMAGE)) layersInUse.add(diffId);
  await images.remove('app:1', { ...stopped, force: true });
  assert.equal(layers.list().length, 2);
  layersInUse.clear();
  assert.equal((await images.sweep()).length, 2);
});

test('layers that an operation has leased are not swept', async (t) => {
  const { images, layers, store, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  store.run("INSERT INTO leases VALUES ('l', 0)");
  store.run("INSERT INTO lease_items VALUES ('l', ?)", layerIdsOf(IMAGE)[0] ?? '');
  await images.remove('app:1', unused);
  assert.deepEqual(layers.list(), layerIdsOf(IMAGE).slice(0, 1));
});

test('a config reads the same from the store as from the archive, its nulls left out', () => {
  const configs = [
    IMAGE.configText,
    imageOf([], { config: { Env: null, Healthcheck: { Test: null, Retries: 1 } }, history: null, variant: null })
      .configText,
    imageOf([], { rootfs: { type: 'layers', diff_ids: null }, history: [{ comment: null, created_by: 'x' }] })
      .configText,
  ];
  for (const text of configs) assert.deepEqual(readStoredConfig(text), parseImageConfig(text));
});

test('two loads of the same image at once both succeed, and one image is there', async (t) => {
  const { images, layers, load } = openTestImages(t);
  const loads = await Promise.all([load(dockerMembers(IMAGE, ['app:1'])), load(dockerMembers(IMAGE, ['app:2']))]);
  assert.deepEqual(
    loads.flat().map((loaded) => loaded.reference),
    ['app:1', 'app:2'],
  );
  assert.deepEqual(images.get(IMAGE.id).tags, ['app:1', 'app:2']);
  assert.equal(layers.list().length, 2);
});

test('removing an image while another load of it is going on leaves the loaded one whole', async (t) => {
  const { images, layers, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const archive = tarOf(dockerMembers(IMAGE, ['app:2']));
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* halting(): AsyncGenerator<Buffer> {
    yield archive.subarray(0, archive.byteLength - 1500);
    await promise;
    yield archive.subarray(archive.byteLength - 1500);
  }
  const loading = images.load(halting());
  await new Promise((wait) => setTimeout(wait, 20));
  await images.remove('app:1', unused);
  assert.throws(() => images.get(IMAGE.id));
  resolve();
  await loading;
  assert.equal(images.get('app:2').id, IMAGE.id);
  assert.deepEqual(new Set(layers.list()), new Set(layerIdsOf(IMAGE)));
});

test('a load that fails while another succeeds takes only its own layers along', async (t) => {
  const { layers, load, images } = openTestImages(t);
  const broken = dockerMembers(OTHER, ['Bad:1']);
  const results = await Promise.allSettled([load(dockerMembers(IMAGE, ['app:1'])), load(broken), load(broken)]);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'rejected'],
  );
  assert.deepEqual(new Set(layers.list()), new Set(layerIdsOf(IMAGE)));
  assert.equal(images.list().length, 1);
});

test('many loads, tags and removals at once end in a state where layers and images agree', async (t) => {
  const { images, layers, load } = openTestImages(t);
  const sources = [IMAGE, OTHER, imageOf(['one']), imageOf(['two', 'four'])];
  await Promise.all(
    Array.from({ length: 40 }, async (_, round) => {
      const source = sources[round % sources.length] ?? IMAGE;
      const name = `app:${round % 7}`;
      await load(dockerMembers(source, [name]));
      try {
        images.tag(name, `tag:${round % 3}`);
        await images.remove(round % 2 === 0 ? name : source.id, { ...unused, force: round % 5 === 0 });
      } catch (error) {
        assert.ok(isEngineError(error, 'not-found') || isEngineError(error, 'conflict'), String(error));
      }
    }),
  );
  const named = new Set(images.list().flatMap((image) => image.layers));
  assert.deepEqual(new Set(layers.list()), named);
  for (const image of images.list()) await images.remove(image.id, forced);
  assert.deepEqual(layers.list(), []);
});

test('an image of layers and a config gets its diff ids filled in, and the same id every time', async (t) => {
  const { images, layers, seen } = openTestImages(t);
  const [first, second] = IMAGE.layers.map((layer) => piecesOf(layer));
  assert.ok(first && second);
  const config = { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] } };
  const id = await images.importImage({ config, layers: [first, second], references: ['gantry.local/app'] });
  assert.deepEqual(images.get('gantry.local/app').layers, layerIdsOf(IMAGE));
  assert.deepEqual(seen, ['import gantry.local/app:latest']);
  const again = await images.importImage({ config, layers: layerIdsOf(IMAGE), references: [] });
  assert.equal(again, id);
  const failing = images.importImage({
    config,
    layers: [piecesOf(tarOf([{ name: 'x' }])), piecesOf(Buffer.from('x'))],
    references: [],
  });
  await assert.rejects(failing);
  assert.equal(layers.list().length, 2);
});

test('what a container needs of an image respects the platform asked for', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  for (const platform of [undefined, '', 'linux/amd64', 'linux/x86_64', 'amd64']) {
    const found = images.resolveForRun('app:1', platform);
    assert.deepEqual(
      [found.imageId, found.layers, found.config.config?.Cmd],
      [IMAGE.id, layerIdsOf(IMAGE), ['/bin/sh']],
    );
  }
  assert.throws(
    () => images.resolveForRun('app:1', 'linux/arm64/v8'),
    fails(
      'not-found',
      'image with reference app:1 was found but does not match the specified platform: wanted linux/arm64/v8, actual: linux/amd64',
    ),
  );
  assert.throws(() => images.resolveForRun('app:1', 'a/b/c/d'), /invalid platform/);
});

test('usage tells what images share from what is theirs alone', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  await load(dockerMembers(OTHER, ['app:2']));
  const { images: usage, layersBytes } = images.usage();
  const [shared = 0, own = 0] = IMAGE.layers.map((layer) => layer.byteLength);
  assert.deepEqual(usage.get(IMAGE.id as ImageId), { sizeBytes: shared + own, sharedBytes: shared, uniqueBytes: own });
  assert.equal(layersBytes, shared + own + (OTHER.layers[1]?.byteLength ?? 0));
});
