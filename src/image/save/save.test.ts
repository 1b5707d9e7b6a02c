import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { dockerMembers, hexDigestOf, imageOf } from '../testing/archives.ts';
import { piecesOf } from '../testing/memory-layers.ts';
import { openTestImages, type TestImages } from '../testing/room.ts';

const IMAGE = imageOf(['one', 'two']);
const OTHER = imageOf(['one', 'three']);

async function saved(images: TestImages['images'], texts: readonly string[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of images.save(texts)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-save-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

const skopeo = (...args: string[]): string =>
  execFileSync('skopeo', ['--insecure-policy', ...args], { encoding: 'utf8' });

test('what is saved loads again with the same ids and names, and saves to the same bytes', async (t) => {
  const first = openTestImages(t);
  await first.load(dockerMembers(IMAGE, ['app:1', 'example.org/app:2']));
  await first.load(dockerMembers(OTHER, null));
  const archive = await saved(first.images, ['example.org/app:2', 'app:1', OTHER.id]);
  const second = openTestImages(t);
  await second.images.load(piecesOf(archive));
  assert.deepEqual(second.images.get(IMAGE.id).tags, ['app:1', 'example.org/app:2']);
  assert.deepEqual(second.images.get(OTHER.id).tags, []);
  const again = await saved(second.images, ['example.org/app:2', 'app:1', OTHER.id]);
  assert.ok(archive.equals(again));
});

test('GNU tar lists and extracts what is saved', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const dir = temporaryDirectory(t);
  writeFileSync(join(dir, 'app.tar'), await saved(images, ['app:1']));
  execFileSync('tar', ['-C', dir, '-xf', join(dir, 'app.tar')]);
  const [manifest] = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'));
  assert.deepEqual(manifest.RepoTags, ['app:1']);
  for (const name of [manifest.Config, ...manifest.Layers]) {
    assert.equal(`blobs/sha256/${hexDigestOf(readFileSync(join(dir, name)))}`, name);
  }
  assert.deepEqual(JSON.parse(readFileSync(join(dir, 'repositories'), 'utf8')), {
    app: { 1: hexDigestOf(IMAGE.layers[1] ?? '') },
  });
});

test('skopeo reads what is saved, as docker-archive and as OCI archive, and agrees on ids and layers', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const path = join(temporaryDirectory(t), 'app.tar');
  writeFileSync(path, await saved(images, ['app:1']));
  const layers = IMAGE.layers.map((layer) => `sha256:${hexDigestOf(layer)}`);
  for (const transport of ['docker-archive', 'oci-archive']) {
    assert.equal(skopeo('inspect', '--config', '--raw', `${transport}:${path}`), IMAGE.configText, transport);
    assert.deepEqual(JSON.parse(skopeo('inspect', `${transport}:${path}`)).Layers, layers, transport);
  }
});

test('what skopeo makes of an image, in each of its formats, loads with the same id', async (t) => {
  const { images, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const dir = temporaryDirectory(t);
  const source = join(dir, 'app.tar');
  writeFileSync(source, await saved(images, ['app:1']));
  for (const [transport, compress] of [
    ['docker-archive', []],
    ['oci-archive', []],
    ['oci-archive', ['--dest-compress-format=zstd']],
  ] as const) {
    const target = join(dir, `${transport}${compress.length}.tar`);
    skopeo('copy', '-q', ...compress, `docker-archive:${source}`, `${transport}:${target}:example.org/copy:1`);
    const fresh = openTestImages(t);
    await fresh.images.load(piecesOf(readFileSync(target), 65_536));
    const { config, layers, tags } = fresh.images.get('example.org/copy:1');
    assert.deepEqual(tags, ['example.org/copy:1']);
    assert.deepEqual(layers, images.get('app:1').layers);
    // Skopeo writes the config anew when it converts between Docker's format and the standard's.
    assert.deepEqual(config.config?.Cmd, ['/bin/sh']);
  }
});

test('a repository without a tag means all its tags; an id none', async (t) => {
  const { images, load, seen } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1', 'app:2', 'other:1']));
  await load(dockerMembers(OTHER, ['app:3']));
  const fresh = openTestImages(t);
  await fresh.images.load(piecesOf(await saved(images, ['app', 'app:1'])));
  assert.deepEqual(fresh.images.get(IMAGE.id).tags, ['app:1', 'app:2']);
  assert.deepEqual(fresh.images.get(OTHER.id).tags, ['app:3']);
  const byId = openTestImages(t);
  await byId.images.load(piecesOf(await saved(images, [IMAGE.id.slice(7, 19)])));
  assert.deepEqual(byId.images.get(IMAGE.id).tags, []);
  assert.deepEqual(seen.slice(-1), [`save ${IMAGE.id}`]);
});

test('saving what is not there fails before the first byte', (t) => {
  const { images } = openTestImages(t);
  assert.throws(
    () => images.save(['gone']),
    (error) => isEngineError(error, 'not-found') && error.message === 'No such image: gone:latest',
  );
  assert.throws(
    () => images.save([]),
    (error) => isEngineError(error, 'invalid-argument'),
  );
});

test('an image that is removed while it is saved is saved whole, and its layers go afterwards', async (t) => {
  const { images, layers, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  const whole = await saved(images, ['app:1']);
  const chunks: Uint8Array[] = [];
  for await (const chunk of images.save(['app:1'])) {
    if (chunks.length === 1) await images.remove('app:1', { force: false, usedBy: () => [] });
    chunks.push(chunk);
  }
  assert.ok(Buffer.concat(chunks).equals(whole));
  assert.deepEqual(layers.list(), []);
});

test('a reader that stops early lets go of the layers', async (t) => {
  const { images, layers, load } = openTestImages(t);
  await load(dockerMembers(IMAGE, ['app:1']));
  for await (const _chunk of images.save(['app:1'])) break;
  await images.remove('app:1', { force: false, usedBy: () => [] });
  assert.deepEqual(layers.list(), []);
});
