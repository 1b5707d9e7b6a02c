import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer, makeImageArchive } from '../support/image.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const references = async (...args: readonly string[]) =>
  (await ok('images', '--format', '{{.Repository}}:{{.Tag}}', ...args)).split('\n').sort().join(' ');

/** Loads an image of two layers with labels, and removes it and its other names when the test is over. */
async function loadOther(tag: string, format: 'docker' | 'oci' = 'docker', compression?: 'gzip' | 'zstd') {
  const made = makeImageArchive({
    layers: [busyboxLayer(), [{ name: 'added', content: tag }]],
    config: { Cmd: ['cat', '/added'], Env: ['PATH=/bin'], Labels: { kind: 'other' }, ExposedPorts: { '80/tcp': {} } },
    tags: [tag],
    format,
    ...(compression === undefined ? {} : { compression }),
  });
  const path = join(tmpdir(), 'other.tar');
  writeFileSync(path, made.archive);
  return { ...made, path, said: await ok('load', '-i', path) };
}

test('docker load takes archives of docker and OCI, plain and compressed, and says what it loaded', async () => {
  for (const [format, compression] of [
    ['docker', undefined],
    ['docker', 'gzip'],
    ['oci', undefined],
    ['oci', 'zstd'],
  ] as const) {
    const { said } = await loadOther('other:1', format, compression);
    assert.equal(said, 'Loaded image: other:1', `${format} ${compression}`);
    assert.equal(await ok('run', '--rm', 'other:1'), 'other:1');
    await ok('rmi', 'other:1');
  }
  assert.equal(await references(), IMAGE);
});

test('load from standard input works, and says of nonsense what is wrong', async () => {
  const { path } = await loadOther('other:1');
  assert.equal((await story.docker(['load', '-q'], { input: readFileSync(path) })).stdout, 'Loaded image: other:1\n');
  const nonsense = await story.docker(['load'], { input: 'nonsense' });
  assert.equal(nonsense.code, 1);
  assert.match(nonsense.stderr, /invalid tar/);
  await ok('rmi', 'other:1');
});

test('what save writes, others can read and load makes the same image of', async () => {
  const { id, path } = await loadOther('other:1');
  await ok('save', '-o', path, 'other:1', IMAGE);
  const members = execFileSync('tar', ['tf', path], { encoding: 'utf8' }).split('\n');
  assert.ok(members.includes('manifest.json') && members.includes('index.json'));
  const manifest = JSON.parse(execFileSync('tar', ['xOf', path, 'manifest.json'], { encoding: 'utf8' }));
  assert.deepEqual(manifest.flatMap((entry: { RepoTags: string[] }) => entry.RepoTags).sort(), [IMAGE, 'other:1']);
  await ok('rmi', 'other:1');
  assert.equal(
    (await ok('load', '-i', path)).split('\n').sort().join(' '),
    `Loaded image: ${IMAGE} Loaded image: other:1`,
  );
  assert.equal(await ok('image', 'inspect', '-f', '{{.Id}}', 'other:1'), id);
  await ok('rmi', 'other:1');
});

test('images are listed and filtered', async () => {
  const { id } = await loadOther('registry.example:5000/team/other:1');
  assert.equal(await references(), `${IMAGE} registry.example:5000/team/other:1`);
  assert.equal(await ok('images', '-q', '--no-trunc', 'registry.example:5000/team/other'), id);
  for (const [filter, expected] of [
    ['label=kind=other', 'registry.example:5000/team/other:1'],
    ['reference=busy*', IMAGE],
    ['reference=*/*/other:1', 'registry.example:5000/team/other:1'],
    ['dangling=true', ''],
  ] as const) {
    assert.equal(await references('--filter', filter), expected, filter);
  }
  assert.match(
    await ok('images', '--digests', 'busybox'),
    /^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE\nbusybox +test +<none> /,
  );
  await story.refuses(['images', '--filter', 'bogus=1'], 1, "invalid filter 'bogus'");
  await ok('rmi', 'registry.example:5000/team/other:1');
});

test('tag gives names, rmi takes them, and the last one takes the image', async () => {
  const { id } = await loadOther('other:1');
  await ok('tag', 'other:1', 'other:2');
  await story.refuses(['tag', 'nosuch', 'x'], 1, 'No such image: nosuch:latest');
  await story.refuses(['tag', 'other:1', 'UPPER'], 1, 'must be lowercase');
  await story.refuses(['rmi', id.slice(7, 19)], 1, 'image is referenced in multiple repositories');
  assert.equal(await ok('rmi', 'other:2'), 'Untagged: other:2');
  assert.match(await ok('rmi', 'other:1'), /^Untagged: other:1\nDeleted: sha256:[0-9a-f]{64}/);
  await story.refuses(['rmi', 'other:1'], 1, 'No such image: other:1');
});

test('an image in use is not removed, unless by force its name', async () => {
  const { id } = await loadOther('other:1');
  const container = await ok('create', 'other:1', 'sleep', '100');
  const short = container.slice(0, 12);
  await story.refuses(
    ['rmi', 'other:1'],
    1,
    `conflict: unable to remove repository reference "other:1" (must force) - container ${short} is using its referenced image ${id.slice(7, 19)}`,
  );
  await ok('start', container);
  await ok('rmi', '-f', 'other:1');
  await ok('rm', '-f', container);
  await ok('rmi', id);
  assert.equal(await references(), IMAGE);
});

test('inspect and history tell what the image is made of', async () => {
  const { id, diffIds } = await loadOther('other:1');
  const [image] = JSON.parse(await ok('image', 'inspect', 'other:1'));
  assert.deepEqual([image.Id, image.RepoTags, image.Os], [id, ['other:1'], 'linux']);
  assert.deepEqual(image.RootFS, { Type: 'layers', Layers: diffIds });
  assert.deepEqual(image.Config.Cmd, ['cat', '/added']);
  assert.equal(image.Created, '2026-01-02T03:04:05Z');
  assert.equal(await ok('history', '--format', '{{.CreatedBy}}', 'other:1'), 'layer 1\nlayer 0');
  await story.refuses(['history', 'nosuch'], 1, 'No such image: nosuch:latest');
  await story.refuses(['image', 'inspect', 'nosuch'], 1, 'No such image: nosuch:latest');
  await story.refuses(['save', 'nosuch'], 1, 'No such image: nosuch');
  await ok('rmi', 'other:1');
});

test('the ports that an image exposes are those of its containers', async () => {
  await loadOther('other:1');
  const id = await ok('create', '--expose', '81/udp', 'other:1');
  assert.equal(await ok('inspect', '-f', '{{json .Config.ExposedPorts}}', id), '{"80/tcp":{},"81/udp":{}}');
  await ok('rm', id);
  await ok('rmi', 'other:1');
});
