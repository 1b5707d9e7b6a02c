import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer } from '../support/image.ts';
import { useSubject } from './engine.ts';

inThrowawayHost();
const subject = useSubject();

const ROUNDS = 12;
const secret = mkdtempSync(join(tmpdir(), 'secret-'));
mkdirSync(join(secret, 'sub'));
writeFileSync(join(secret, 'sub/SECRET'), 'of the host');
const listing = (): readonly string[] => readdirSync(secret, { recursive: true, encoding: 'utf8' }).sort();
const mountsOfDaemon = (): string =>
  readFileSync(`/proc/${subject.daemon.pid}/mountinfo`, 'utf8').replace(/^(\d+ \d+)/gm, '');

/** A container that plays with what lies in the volume `v` until it is killed. */
async function attack(name: string, script: string): Promise<void> {
  await subject.docker.ok(['volume', 'create', name]);
  const loop = `cd /v; while :; do ${script}; done 2>/dev/null`;
  const flags = ['-d', '--name', name, '--network', 'none', '-v', `${name}:/v:nocopy`];
  await subject.docker.ok(['run', ...flags, 'busybox:test', 'sh', '-c', loop]);
}

async function endAttack(name: string): Promise<void> {
  await subject.docker.ok(['rm', '-f', name]);
  await subject.docker.ok(['volume', 'rm', name]);
}

test('a part of a volume whose directories are swapped for links meanwhile is never one of the host', async () => {
  await attack('swapped', `mkdir -p a/sub; touch a/sub/inside; mv a b; ln -s ${secret} a; rm a; mv b a`);
  const part = ['--mount', 'type=volume,source=swapped,target=/p,volume-subpath=a/sub'];
  let shown = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { code, stdout, stderr } = await subject.run(part, 'ls', '/p');
    assert.doesNotMatch(stdout, /SECRET/);
    if (code === 0) shown++;
    else assert.match(stderr, /cannot access path|escapes the base|EAGAIN/);
  }
  assert.ok(shown > 0, 'it was shown at least once');
  await endAttack('swapped');
});

test('content that is copied into a volume in which links appear meanwhile stays in it', async () => {
  const layer = [
    ...busyboxLayer(),
    ...['data/', 'data/sub/', 'data/sub/deep/'].map((name) => ({ name, type: 'dir' as const })),
    { name: 'data/sub/planted', content: 'x' },
    { name: 'data/sub/deep/planted', content: 'x' },
  ];
  await subject.load({ layers: [layer], config: { Env: ['PATH=/bin'] }, tags: ['planter:test'] });
  const before = listing();
  await attack('links', `rm -rf /v/*; ln -s ${secret}/sub sub; ln -s ${secret} sub/deep; rm -f sub`);
  for (let round = 0; round < ROUNDS; round++) {
    const { stdout } = await subject.docker([
      'create',
      '--network',
      'none',
      '-v',
      'links:/data',
      'planter:test',
      'true',
    ]);
    if (stdout !== '') await subject.docker.ok(['rm', stdout.trim()]);
    assert.deepEqual(listing(), before);
  }
  await endAttack('links');
});

test('a mount inside a volume whose mount point is swapped for a link meanwhile is made on no directory of the host', async () => {
  await attack('points', `mkdir -p x; mv x y; ln -s ${secret} x; rm x; ln -s / x; rm x; rm -rf y`);
  const before = mountsOfDaemon();
  const inner = ['-v', 'points:/v:nocopy', '--tmpfs', '/v/x'];
  for (let round = 0; round < ROUNDS; round++) {
    await subject.run(inner, 'sh', '-c', 'touch /v/x/planted');
    assert.deepEqual(listing(), ['sub', 'sub/SECRET']);
  }
  assert.equal(mountsOfDaemon(), before);
  await endAttack('points');
});

test('no name of a volume reaches a directory beside the volumes', async () => {
  const victim = join(subject.daemon.dataRoot, 'victim');
  mkdirSync(join(victim, '_data'), { recursive: true });
  for (const name of [
    '../victim',
    '..',
    '.',
    '.removed-x',
    'a/../../victim',
    'victim/..',
    '%2e%2e',
    '\u2025/x',
    'x\n../victim',
  ]) {
    const created = await subject.daemon.api('POST', '/volumes/create', { Name: name });
    assert.equal(created.status, 400, JSON.stringify(name));
    const removed = await subject.daemon.api('DELETE', `/volumes/${encodeURIComponent(name)}?force=1`);
    assert.ok([204, 404].includes(removed.status), JSON.stringify(name));
    const mounted = { Image: 'busybox:test', HostConfig: { Mounts: [{ Type: 'volume', Source: name, Target: '/x' }] } };
    assert.equal((await subject.daemon.api('POST', '/containers/create', mounted)).status, 400, JSON.stringify(name));
  }
  assert.deepEqual(readdirSync(victim), ['_data']);
  assert.deepEqual(readdirSync(join(subject.daemon.dataRoot, 'volumes')), []);
});
