import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();

async function summary(): Promise<ReadonlyMap<string, string>> {
  const lines = await story.docker.ok([
    'system',
    'df',
    '--format',
    '{{.Type}}|{{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}',
  ]);
  return new Map(lines.split('\n').map((line) => line.split('|') as [string, string]));
}

test('docker system df and df -v print what images, containers and volumes take', async () => {
  const { docker } = story;
  const run = ['run', '--network', 'none', '-v', 'used:/data', '--name', 'writer', IMAGE, 'sh', '-c'];
  await docker.ok([
    ...run,
    'head -c 3000000 /dev/zero > /file; head -c 2000000 /dev/zero > /data/file; ln /data/file /data/again',
  ]);
  await docker.ok(['volume', 'create', 'idle']);
  const found = await summary();
  assert.match(found.get('Images') ?? '', /^1 1 [\d.]+MB 0B/);
  assert.equal(found.get('Containers'), '1 0 3MB 3MB (100%)');
  assert.equal(found.get('Local Volumes'), '2 1 2MB 0B (0%)');
  assert.equal(found.get('Build Cache'), '0 0 0B 0B');
  const verbose = await docker.ok(['system', 'df', '-v']);
  assert.match(verbose, /busybox +test .* 0B +[\d.]+MB +1$/m);
  assert.match(verbose, /^[0-9a-f]{12} +busybox:test .* 1 +3MB .*writer$/m);
  assert.match(verbose, /^used +1 +2MB$/m);
  assert.match(verbose, /^idle +0 +0B$/m);
  await docker.ok(['rm', 'writer']);
  assert.match((await summary()).get('Images') ?? '', /^1 0 ([\d.]+MB) \1 \(100%\)/);
  assert.equal((await summary()).get('Local Volumes'), '2 0 2MB 2MB (100%)');
});
