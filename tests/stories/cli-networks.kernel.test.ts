import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { callApi } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { sameInBoth as sameOf } from './both.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const gantry = (...args: readonly string[]) => story.daemon.client('gantry').ok(args);

const sameInBoth = (...args: readonly string[]) => sameOf(story, args);

test('a network is made, seen, used by name and removed', async () => {
  const id = await gantry('network', 'create', '--subnet', '10.77.0.0/24', '--label', 'a=b', 'back');
  assert.match(id, /^[0-9a-f]{64}$/);
  await gantry('run', '-d', '--name', 'db', '--network', 'name=back,alias=store,ip=10.77.0.9', IMAGE, 'sleep', '100');
  assert.equal(
    await gantry('run', '--rm', '--network', 'back', IMAGE, 'sh', '-c', 'ping -c1 store >&2; echo ok'),
    'ok',
  );
  for (const args of [
    ['network', 'ls'],
    ['network', 'ls', '--no-trunc', '--filter', 'label=a=b'],
    ['network', 'ls', '--format', 'json'],
    ['network', 'inspect', 'back'],
    ['network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}', 'back'],
    ['inspect', 'back'],
    ['ps', '--filter', 'network=back'],
    ['network', 'rm', 'bridge'],
    ['network', 'connect', 'nosuch', 'db'],
  ]) {
    await sameInBoth(...args);
  }
  const bridge = `br-${id.slice(0, 12)}`;
  assert.equal(JSON.parse(execFileSync('ip', ['-j', 'link', 'show', bridge]).toString())[0].ifname, bridge);
  await gantry('rm', '-f', 'db');
  assert.equal(await gantry('network', 'rm', 'back'), 'back');
  assert.equal(await sameInBoth('network', 'ls', '-q', '--filter', 'name=back'), '');
});

test('a container is connected to a further network while it runs, and taken off again', async () => {
  const since = String(Math.floor(Date.now() / 1000));
  await gantry('network', 'create', 'front');
  await gantry('run', '-d', '--name', 'web', IMAGE, 'sleep', '100');
  await gantry('network', 'connect', '--alias', 'www', '--gw-priority', '5', 'front', 'web');
  const links = async () => (await gantry('exec', 'web', 'ls', '/sys/class/net')).split('\n').length;
  assert.equal(await links(), 3);
  await sameInBoth('inspect', '-f', '{{json .NetworkSettings.Networks.front}}', 'web');
  await gantry('network', 'disconnect', 'front', 'web');
  assert.equal(await links(), 2);
  const until = String(Math.floor(Date.now() / 1000) + 1);
  const events = await sameInBoth('events', '--since', since, '--until', until, '--filter', 'network=front');
  assert.match(events, / network create .*\n.* network connect .*\n.* network disconnect /);
  const pruned = await gantry('network', 'prune', '-f');
  assert.match(pruned, /^Deleted Networks:\nfront/);
});

test('ports are shown as docker shows them, added and taken away while the container runs', async () => {
  await gantry('run', '-d', '--name', 'web', '-p', '127.0.0.1:8080:80', '-p', '81-82:81-82', IMAGE, 'sleep', '100');
  assert.match(await sameInBoth('port', 'web'), /^80\/tcp -> 127\.0\.0\.1:8080\n/);
  await sameInBoth('ps', '--format', '{{.Ports}}');
  await gantry('update', '--publish-add', '9090:90/udp', '--publish-rm', '127.0.0.1:8080:80', 'web');
  assert.match(await sameInBoth('port', 'web', '90/udp'), /^0\.0\.0\.0:9090/);
  assert.equal((await story.daemon.client('gantry')(['port', 'web', '80'])).code, 1);
  await sameInBoth('ps', '--filter', 'publish=81');
});

test('a port is published as a unix socket of the host, and any port that is exposed on a free one', async () => {
  const socket = join(tmpdir(), 'web.sock');
  const serve = ['sh', '-c', 'mkdir /w; echo served > /w/index.html; exec httpd -f -p 80 -h /w'];
  await gantry('run', '-d', '--name', 'web', '-P', '--expose', '90-91', '-p', `${socket}:80`, IMAGE, ...serve);
  const answer = async () => (await callApi(socket, 'GET', '/').catch(() => undefined))?.text;
  await eventually(answer, 'served\n');
  assert.equal(await gantry('port', 'web', '80'), socket);
  assert.match(await gantry('port', 'web', '91'), /^0\.0\.0\.0:\d+\n\[::\]:\d+$/);
  await gantry('update', '--publish-rm', `${socket}:80`, 'web');
  assert.ok(!existsSync(socket));
});

test('refusals of the daemon are told as docker tells them', async () => {
  await gantry('run', '-d', '--name', 'web', '-p', '8080:80', IMAGE, 'sleep', '100');
  for (const [args, reason] of [
    [['run', '--rm', '-p', '8080:80', IMAGE, 'true'], 'Bind for 0.0.0.0:8080 failed: port is already allocated'],
    [['run', '--rm', '--network', 'nosuch', IMAGE, 'true'], 'network nosuch not found'],
    [['network', 'create', '--subnet', '172.17.0.0/24', 'clash'], 'Pool overlaps with other one on this address space'],
    [['network', 'create', '-d', 'nosuch', 'odd'], 'could not find plugin nosuch'],
    [['network', 'rm', 'bridge'], 'bridge is a pre-defined network and cannot be removed'],
  ] as const) {
    const ours = await story.daemon.client('gantry')(args);
    const theirs = await story.docker(args);
    assert.equal(ours.code, theirs.code);
    // Names and ids of containers that were not to be are made up.
    const generic = (text: string) =>
      text
        .replace(/endpoint \w+ \([0-9a-f]{64}\)/, '')
        .replace(/exit status 1\n$/, '')
        .replaceAll('docker', 'gantry');
    assert.equal(generic(ours.stderr), generic(theirs.stderr));
    assert.ok(ours.stderr.includes(reason), ours.stderr);
  }
});
