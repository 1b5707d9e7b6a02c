import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();

const inVolume = (volume: string, script: string): Promise<string> =>
  story.docker.ok(['run', '--rm', '--network', 'none', '-v', `${volume}:/data`, IMAGE, 'sh', '-ec', script]);

test('over the API: a volume is kept, changed, put back and cloned; not while a container has it', async () => {
  const { daemon, docker } = story;
  await inVolume('db', 'echo first > /data/file');
  const made = await daemon.api('POST', '/volumes/db/snapshots', { Name: 'before' });
  assert.equal(made.status, 201);
  const { Id, CreatedAt, ...rest } = made.body as { readonly Id: string; readonly CreatedAt: string };
  assert.deepEqual(rest, { Name: 'before', Size: 6 });
  assert.ok(Date.parse(CreatedAt) > 0);
  await inVolume('db', 'echo second > /data/file');
  assert.deepEqual((await daemon.api('GET', '/volumes/db/snapshots')).body, [made.body]);

  await docker.ok(['run', '-d', '--name', 'user', '--network', 'none', '-v', 'db:/data', IMAGE, 'sleep', '600']);
  const refused = await daemon.api('POST', '/volumes/db/restore', { Snapshot: 'before' });
  assert.deepEqual(
    [refused.status, (refused.body as { message: string }).message],
    [409, 'restore db: a running container has it mounted; stop the container first'],
  );
  await docker.ok(['kill', 'user']);
  assert.equal((await daemon.api('POST', '/volumes/db/restore', { Snapshot: Id })).status, 204);
  await docker.ok(['start', 'user']);
  assert.equal(await docker.ok(['exec', 'user', 'cat', '/data/file']), 'first');

  assert.equal((await daemon.api('POST', '/volumes/db/clone', { Name: 'copy', Labels: { a: 'b' } })).status, 201);
  assert.equal(await docker.ok(['volume', 'inspect', '-f', '{{.Labels.a}}', 'copy']), 'b');
  assert.equal(await inVolume('copy', 'cat /data/file'), 'first');
  await docker.ok(['rm', '-f', 'user']);
  await story.refuses(['volume', 'rm', 'db'], 1, 'volume has 1 snapshot(s)');
  assert.equal((await daemon.api('DELETE', '/volumes/db/snapshots/before')).status, 204);
  await docker.ok(['volume', 'rm', 'db', 'copy']);
});

test('what is not there, or not said, is an error of the client', async () => {
  const { daemon } = story;
  await daemon.api('POST', '/volumes/create', { Name: 'some' });
  const status = async (...args: Parameters<typeof daemon.api>) => (await daemon.api(...args)).status;
  assert.equal(await status('GET', '/volumes/nothing/snapshots'), 404);
  assert.equal(await status('POST', '/volumes/nothing/snapshots', {}), 404);
  assert.equal(await status('POST', '/volumes/some/restore', { Snapshot: 'x' }), 404);
  assert.equal(await status('POST', '/volumes/some/restore', {}), 400);
  assert.equal(await status('POST', '/volumes/some/clone', { Name: '../up' }), 400);
  assert.equal(await status('DELETE', '/volumes/some/snapshots/..%2f..'), 404);
});
