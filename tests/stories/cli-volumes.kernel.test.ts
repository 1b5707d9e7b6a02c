import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { sameInBoth as sameOf } from './both.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const gantry = (...args: readonly string[]) => story.daemon.client('gantry').ok(args);
const run = (...args: readonly string[]) => gantry('run', '--rm', ...args);

const sameInBoth = (...args: readonly string[]) => sameOf(story, args);

test('a volume is made, filled, seen and removed', async () => {
  assert.equal(await gantry('volume', 'create', '--label', 'a=b', 'data'), 'data');
  await run('-v', 'data:/d', IMAGE, 'sh', '-c', 'echo kept > /d/file');
  assert.equal(await run('--mount', 'source=data,target=/d,readonly', IMAGE, 'cat', '/d/file'), 'kept');
  for (const args of [
    ['volume', 'ls'],
    ['volume', 'ls', '-q', '--filter', 'label=a=b'],
    ['volume', 'ls', '--format', 'json'],
    ['volume', 'inspect', 'data'],
    ['volume', 'inspect', 'nosuch'],
    ['inspect', 'data'],
    ['system', 'df'],
    ['system', 'df', '-v'],
    ['volume', 'rm', 'nosuch'],
  ]) {
    await sameInBoth(...args);
  }
  await gantry('create', '--name', 'user', '-v', 'data:/d', IMAGE);
  assert.match((await story.daemon.client('gantry')(['volume', 'rm', 'data'])).stderr, /volume is in use/);
  await gantry('rm', 'user');
  assert.equal(await gantry('volume', 'rm', 'data'), 'data');
  await gantry('volume', 'create', 'unused');
  assert.match(await gantry('volume', 'prune', '-a', '-f'), /^Deleted Volumes:\nunused\n\nTotal reclaimed space: 0B/);
});

test('a volume goes back to a snapshot, and is cloned', async () => {
  await gantry('volume', 'create', 'data');
  const write = (text: string) => run('-v', 'data:/d', IMAGE, 'sh', '-c', `echo ${text} > /d/file`);
  await write('old');
  const snapshot = await gantry('volume', 'snapshot', 'data');
  assert.equal(await gantry('volume', 'snapshots', '-q', 'data'), snapshot);
  await write('new');
  await gantry('volume', 'clone', 'data', 'copy');
  await gantry('volume', 'restore', 'data', snapshot);
  assert.equal(await run('-v', 'data:/d', IMAGE, 'cat', '/d/file'), 'old');
  assert.equal(await run('-v', 'copy:/d', IMAGE, 'cat', '/d/file'), 'new');
  assert.match(await gantry('volume', 'snapshots', 'data'), /^SNAPSHOT ID +NAME +CREATED +SIZE\n/);
  await gantry('volume', 'snapshots', '--rm', snapshot, 'data');
  assert.equal(await gantry('volume', 'snapshots', '-q', 'data'), '');
  await gantry('volume', 'rm', 'data', 'copy');
});

test('files are copied into a container and out of it, running or not, onto volumes too', async () => {
  const here = join(tmpdir(), 'cp-story');
  mkdirSync(join(here, 'site/sub'), { recursive: true });
  writeFileSync(join(here, 'site/index'), 'hello\n');
  writeFileSync(join(here, 'site/sub/page'), 'page\n', { mode: 0o640 });
  await gantry('run', '-d', '--name', 'web', '-v', '/vol', IMAGE, 'sleep', '100');
  for (const target of ['/srv', '/vol/site']) {
    await gantry('cp', join(here, 'site'), `web:${target}`);
    assert.equal(await gantry('exec', 'web', 'cat', `${target}/sub/page`), 'page');
  }
  await gantry('cp', `${here}/site/.`, 'web:/etc');
  assert.equal(await gantry('exec', 'web', 'stat', '-c', '%a %u', '/etc/sub/page'), '640 0');
  await gantry('stop', '-t', '0', 'web');
  await gantry('cp', 'web:/srv/sub/page', join(here, 'out'));
  assert.equal(readFileSync(join(here, 'out'), 'utf8'), 'page\n');
  await gantry('cp', 'web:/vol/site', join(here, 'tree'));
  assert.equal(readFileSync(join(here, 'tree/sub/page'), 'utf8'), 'page\n');
  assert.ok((await gantry('cp', 'web:/srv', '-')).includes('srv/sub/page'));
  const missing = await story.daemon.client('gantry')(['cp', 'web:/nosuch', here]);
  assert.deepEqual(
    [missing.code, missing.stderr],
    [1, 'Error response from daemon: Could not find the file /nosuch in container web\n'],
  );
});
