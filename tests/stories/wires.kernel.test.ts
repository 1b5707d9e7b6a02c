import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const sh = (command: string) =>
  execFileSync('sh', ['-euc', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inside = (name: string, script: string) => ok('exec', name, 'sh', '-c', script);

// The host's wire, and a machine at its other end.
sh(`ip netns add far
ip link add wire0 type veth peer name far0 netns far
ip link set wire0 up
ip -n far address add 10.66.0.1/24 dev far0
ip -n far link set far0 up`);
let server: ChildProcess | undefined;
after(() => {
  server?.kill('SIGKILL');
  sh('ip netns delete far');
});
afterEach(async () => {
  const left = (await ok('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (left.length > 0) await ok('rm', '-f', ...left);
  await ok('network', 'prune', '-f');
});

const lacks = (kind: string, parent = ''): string | false => {
  try {
    sh(`ip link add probe ${parent} type ${kind} && ip link delete probe`);
    return false;
  } catch {
    return `this kernel has no ${kind}`;
  }
};
const withoutMacvlan = { skip: lacks('macvlan', 'link wire0') };

test('a macvlan network puts containers on the wire of the host', withoutMacvlan, async () => {
  await ok(
    'network',
    'create',
    '-d',
    'macvlan',
    '--subnet',
    '10.66.0.0/24',
    '--gateway',
    '10.66.0.1',
    '-o',
    'parent=wire0',
    'wire',
  );
  await ok(
    'run',
    '-d',
    '--name',
    'box',
    '--network',
    'wire',
    '--ip',
    '10.66.0.77',
    '--mac-address',
    '02:00:00:00:00:77',
    IMAGE,
    'sleep',
    '1000',
  );
  assert.equal(await inside('box', 'ping -c1 -W2 10.66.0.1 >/dev/null && echo yes'), 'yes');
  assert.equal(JSON.parse(sh('ip -n far -j neigh show 10.66.0.77'))[0].lladdr, '02:00:00:00:00:77');
  await ok('restart', '-t', '0', 'box');
  assert.equal(await inside('box', 'ping -c1 -W2 10.66.0.1 >/dev/null && echo yes'), 'yes');
  await story.refuses(
    ['network', 'create', '-d', 'macvlan', '-o', 'parent=nowhere', 'bad'],
    1,
    /invalid subinterface vlan name nowhere/,
  );
});

test('the server of the wire gives containers their addresses', withoutMacvlan, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'udhcpd-'));
  writeFileSync(join(dir, 'leases'), '');
  const lines = ['interface far0', 'start 10.66.0.150', 'end 10.66.0.150', 'max_leases 1', 'option router 10.66.0.1'];
  const files = [`lease_file ${dir}/leases`, `pidfile ${dir}/pid`, 'option subnet 255.255.255.0', ''];
  writeFileSync(join(dir, 'conf'), [...lines, ...files].join('\n'));
  server = spawn('ip', ['netns', 'exec', 'far', 'busybox', 'udhcpd', '-f', join(dir, 'conf')], { stdio: 'ignore' });
  await ok('network', 'create', '-d', 'macvlan', '--ipam-driver', 'dhcp', '-o', 'parent=wire0', 'lent');
  await ok('run', '-d', '--name', 'box', '--network', 'lent', IMAGE, 'sleep', '1000');
  assert.equal(await ok('inspect', '-f', '{{.NetworkSettings.Networks.lent.IPAddress}}', 'box'), '10.66.0.150');
  assert.equal(await ok('inspect', '-f', '{{.NetworkSettings.Networks.lent.Gateway}}', 'box'), '10.66.0.1');
  assert.match(await inside('box', 'cat /etc/hosts'), /^10\.66\.0\.150\s/m);
  assert.equal(await inside('box', 'ping -c1 -W2 10.66.0.1 >/dev/null && echo yes'), 'yes');
});

test('ipvlan says clearly that the kernel has none', { skip: !lacks('ipvlan', 'link wire0') && 'it has' }, async () => {
  const create = ['network', 'create', '-d', 'ipvlan', '-o', 'parent=wire0', 'ip'];
  await story.refuses(create, 1, /ipvlan is not available in this kernel/);
});

test('a driver option of the endpoint limits its bandwidth', async () => {
  await ok('network', 'create', 'slow');
  const limited = 'name=slow,driver-opt=gantry.rate=10mbit';
  const id = await ok('run', '-d', '--name', 'box', '--network', limited, IMAGE, 'sleep', '1000');
  const [bucket] = JSON.parse(sh(`tc -j qdisc show dev gv${id.slice(0, 11)}`));
  assert.deepEqual([bucket.kind, bucket.options.rate], ['tbf', 1_250_000]);
  await ok('rm', '-f', 'box');
  assert.equal(sh('ip -br link show type ifb'), '');
  const fast = 'name=slow,driver-opt=gantry.rate=fast';
  await story.refuses(['run', '--rm', '--network', fast, IMAGE, 'true'], 125, /invalid rate "fast"/);
});
