import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const directory = join(tmpdir(), 'mounts');
const source = join(directory, 'source');
mkdirSync(source, { recursive: true });
writeFileSync(join(source, 'file'), 'data\n');
// Before the daemon's own mount namespace is made: later mounts reach it only over shared ones.
const shared = join(directory, 'shared');
mkdirSync(shared);
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', shared]);
execFileSync('mount', ['--make-shared', shared]);

const story = tellStory();
const run = (...args: readonly string[]) => story.docker.ok(['run', '--rm', ...args]);
const refused = (text: string | RegExp, ...args: readonly string[]) =>
  story.refuses(['run', ...args, IMAGE, 'true'], 125, text);

test('a directory or a file of the host is shown inside, writable or not', async () => {
  assert.equal(await run('-v', `${source}:/m`, IMAGE, 'sh', '-c', 'cat /m/file; echo new > /m/new'), 'data');
  assert.equal(readFileSync(join(source, 'new'), 'utf8'), 'new\n');
  await story.refuses(['run', '--rm', '-v', `${source}:/m:ro`, IMAGE, 'touch', '/m/x'], 1, 'Read-only file system');
  const readOnly = `type=bind,source=${source},target=/m,readonly`;
  await story.refuses(['run', '--rm', '--mount', readOnly, IMAGE, 'touch', '/m/x'], 1, 'Read-only file system');
  assert.equal(await run('-v', `${source}/file:/etc/one:ro`, IMAGE, 'cat', '/etc/one'), 'data');
  assert.equal(await run('-v', `${source}:/deep/er`, '--tmpfs', '/deep', IMAGE, 'ls', '/deep/er'), 'file\nnew');
});

test('the files about the network can be replaced', async () => {
  for (const path of ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname']) {
    assert.equal(await run('-v', `${source}/file:${path}:ro`, IMAGE, 'cat', path), 'data');
  }
});

test('-v makes a source that is missing, --mount refuses it', async () => {
  const missing = join(directory, 'made', 'deep');
  await run('-v', `${missing}:/m`, IMAGE, 'true');
  assert.ok(existsSync(missing));
  await refused(
    'invalid mount config for type "bind": bind source path does not exist: /no/such',
    ...['--mount', 'type=bind,source=/no/such,target=/m'],
  );
});

test('mounts that are written wrongly are refused in the words of Docker', async () => {
  for (const [text, ...args] of [
    ['invalid mode: bogus', '-v', `${source}:/m:bogus`],
    ['invalid mode: ro,rw', '-v', `${source}:/m:ro,rw`],
    [`invalid volume specification: '${source}:rel'`, '-v', `${source}:rel`],
    ["destination can't be '/'", '-v', `${source}:/`],
    ['Duplicate mount point: /m', '-v', `${source}:/m`, '-v', `${source}:/m/`],
    ['field VolumeOptions must not be specified', '-v', `${source}:/m:nocopy`],
    ["invalid mount path: 'rel' mount path must be absolute", '--mount', `type=bind,source=${source},target=rel`],
    ['field Source must not be empty', '--mount', 'type=bind,target=/m'],
    ['mount type unknown', '--mount', 'type=bogus,target=/m'],
  ] as const) {
    await refused(text, ...args);
  }
});

test('an rslave bind sees what the host mounts later, an rshared one shows the host what it mounts', async () => {
  await story.docker.ok(['run', '-d', '--name', 'slave', '-v', `${shared}:/m:rslave`, IMAGE, 'sleep', '100']);
  const later = join(shared, 'later');
  mkdirSync(later);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', later]);
  writeFileSync(join(later, 'seen'), '');
  await eventually(async () => (await story.docker(['exec', 'slave', 'ls', '/m/later'])).stdout, 'seen\n');
  await story.docker.ok([
    'run',
    '-d',
    '--name',
    'peer',
    '--privileged',
    '-v',
    `${shared}:/m:rshared`,
    IMAGE,
    'sleep',
    '100',
  ]);
  await story.docker.ok([
    'exec',
    'peer',
    'sh',
    '-c',
    'mkdir /m/own && mount -t tmpfs tmpfs /m/own && touch /m/own/shown',
  ]);
  assert.ok(existsSync(join(shared, 'own/shown')));
  execFileSync('umount', [join(shared, 'own')]);
  execFileSync('umount', [later]);
});

test('a bind cannot share the mounts of a source that shares none', async () => {
  await refused(/path .* is mounted on .* but it is not a shared mount/, '-v', `${source}:/m:rshared`);
  await refused(/path .* is mounted on .* but it is not a shared or slave mount/, '-v', `${source}:/m:rslave`);
});

test('inspect tells the mounts as they were asked for', async () => {
  const options = ['-v', `${source}:/a:ro`, '--mount', `type=bind,source=${source},target=/b`, '--tmpfs', '/t:size=1m'];
  const id = await story.docker.ok(['create', ...options, IMAGE]);
  const [{ Mounts, HostConfig }] = JSON.parse(await story.docker.ok(['inspect', id]));
  assert.deepEqual(HostConfig.Binds, [`${source}:/a:ro`]);
  assert.deepEqual(HostConfig.Tmpfs, { '/t': 'size=1m' });
  assert.deepEqual(
    Mounts.map((mount: Record<string, unknown>) => [mount.Type, mount.Source, mount.Destination, mount.RW]),
    [
      ['bind', source, '/a', false],
      ['bind', source, '/b', true],
    ],
  );
  assert.equal(await story.docker.ok(['ps', '-aq', '--no-trunc', '--filter', 'volume=/b']), id);
});
