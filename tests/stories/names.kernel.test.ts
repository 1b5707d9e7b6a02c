import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const GANTRY = join(import.meta.dirname, '../../gantry');

afterEach(async () => {
  for (const name of ['shop', 'blog', 'vault']) await story.docker(['network', 'rm', name]);
});

const start = (name: string, network: string, ...options: readonly string[]) =>
  story.docker.ok(['run', '-d', '--name', name, '--network', network, ...options, IMAGE, 'sleep', '1000']);
const addressOf = (name: string, network: string) =>
  story.docker.ok(['inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name]);

/** What dig, of the host, prints inside the container's network; sorted, and without the status where that is NOERROR. */
async function dig(container: string, ...args: readonly string[]): Promise<string> {
  const pid = await story.docker.ok(['inspect', '-f', '{{.State.Pid}}', container]);
  const command = ['nsenter', '-n', '-t', pid, 'dig', '+tries=1', '+time=5', '+noall', '+answer', '+comments'];
  const { stdout } = await runCommand([...command, '@127.0.0.11', ...args]);
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? stdout;
  const answers = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  const values = answers.map((line) => line.split(/\s+/).at(-1)).toSorted();
  return [...values, ...(status === 'NOERROR' ? [] : [status])].join(' ');
}
const onHost = async (...args: readonly string[]) =>
  (await runCommand(['dig', '+short', '+tries=1', '+time=5', '@127.0.0.153', ...args])).stdout.trim();

test('containers of a network find each other by name, id, alias and address, until they are gone', async () => {
  await story.docker.ok(['network', 'create', 'shop']);
  const id = await start('web-1', 'shop', '--network-alias', 'web');
  await start('web-2', 'shop', '--network-alias', 'web');
  await start('asker', 'shop');
  const first = await addressOf('web-1', 'shop');
  const second = await addressOf('web-2', 'shop');
  for (const name of ['web-1', 'WEB-1.shop', id.slice(0, 12)]) assert.equal(await dig('asker', name), first, name);
  assert.equal(await dig('asker', 'web'), [first, second].toSorted().join(' '));
  assert.equal(await dig('asker', 'AAAA', 'web-1'), '');
  assert.equal(await dig('asker', '-x', first), 'web-1.shop.');
  assert.match(await story.docker.ok(['exec', 'asker', 'nslookup', 'web-1']), new RegExp(`Address: ${first}`));
  assert.equal(
    await story.docker.ok(['exec', 'asker', 'ping', '-c1', '-W2', 'web']).then(() => 'answered'),
    'answered',
  );
  await story.docker.ok(['rename', 'web-2', 'other']);
  assert.equal(await dig('asker', 'other'), second);
  await story.docker.ok(['stop', '-t0', 'web-1']);
  assert.equal(await dig('asker', 'web'), second);
  await story.docker.ok(['start', 'web-1']);
  await eventually(async () => (await dig('asker', 'web')).split(' ').length, 2);
});

test('networks know nothing of each other, also when a container comes and goes while it runs', async () => {
  for (const name of ['shop', 'blog']) await story.docker.ok(['network', 'create', name]);
  await start('asker', 'shop');
  await start('writer', 'blog', '--network-alias', 'pen');
  assert.equal(await dig('asker', 'writer'), 'SERVFAIL');
  await story.docker.ok(['network', 'connect', '--alias', 'guest', 'blog', 'asker']);
  assert.equal(await dig('asker', 'pen'), await addressOf('writer', 'blog'));
  assert.equal(await dig('writer', 'guest'), await addressOf('asker', 'blog'));
  await story.docker.ok(['network', 'disconnect', 'blog', 'asker']);
  assert.equal(await dig('asker', 'pen'), 'SERVFAIL');
  assert.equal(await dig('writer', 'guest'), 'SERVFAIL');
});

test('a container on an internal network has its names, and asks nobody else', async () => {
  await story.docker.ok(['network', 'create', '--internal', 'vault']);
  await start('safe', 'vault');
  await start('asker', 'vault');
  assert.equal(await dig('asker', 'safe'), await addressOf('safe', 'vault'));
  assert.equal(await dig('asker', 'example.com'), 'SERVFAIL');
});

test('names are served on after the daemon was killed, to what ran and to what starts', async () => {
  await story.docker.ok(['network', 'create', 'shop']);
  await start('web', 'shop');
  await start('asker', 'shop');
  await story.killDaemon();
  assert.equal(await dig('asker', 'web'), await addressOf('web', 'shop'));
  await start('late', 'shop');
  assert.equal(await dig('asker', 'late'), await addressOf('late', 'shop'));
  assert.equal(await dig('late', '+tcp', 'asker'), await addressOf('asker', 'shop'));
});

test('the host finds containers of every network, and its programs do after gantry dns install', async () => {
  await story.docker.ok(['network', 'create', 'shop']);
  await start('web', 'shop', '--network-alias', 'front');
  await start('plain', 'bridge');
  assert.equal(await onHost('web.gantry.internal'), await addressOf('web', 'shop'));
  assert.equal(await onHost('front.shop.gantry.internal'), await addressOf('web', 'shop'));
  assert.equal(await onHost('plain.gantry.internal'), await addressOf('plain', 'bridge'));
  assert.equal(await onHost('-x', await addressOf('plain', 'bridge')), 'plain.gantry.internal.');
  const own = join(tmpdir(), 'resolv.conf');
  writeFileSync(own, 'nameserver 192.0.2.1\n');
  await runCommand(['mount', '--bind', own, '/etc/resolv.conf']);
  try {
    assert.equal((await runCommand([GANTRY, 'dns', 'install'])).code, 0);
    const status = await runCommand([GANTRY, 'dns', 'status']);
    assert.deepEqual([status.code, status.stdout], [0, 'installed: /etc/resolv.conf\n127.0.0.153: answers\n']);
    const found = await runCommand(['getent', 'hosts', 'plain.gantry.internal']);
    assert.equal(found.stdout.split(/\s+/)[0], await addressOf('plain', 'bridge'));
  } finally {
    assert.equal((await runCommand([GANTRY, 'dns', 'uninstall'])).code, 0);
    assert.equal(readFileSync('/etc/resolv.conf', 'utf8'), 'nameserver 192.0.2.1\n');
    await runCommand(['umount', '/etc/resolv.conf']);
  }
});
