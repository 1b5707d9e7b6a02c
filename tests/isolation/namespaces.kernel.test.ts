import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { messageIn, useSubject } from './engine.ts';

inThrowawayHost();
const subject = useSubject();

const ALL = ['pid', 'mnt', 'ipc', 'uts', 'net', 'cgroup'];
const namespaceOf = (pid: number | 'self', kind: string): string => readlinkSync(`/proc/${pid}/ns/${kind}`);
const shared = (a: number, b: number | 'self'): string[] =>
  ALL.filter((kind) => namespaceOf(a, kind) === namespaceOf(b, kind));

test('a container has namespaces of its own, and two containers share none', async () => {
  const [one, two] = await Promise.all([subject.start('own1', []), subject.start('own2', [])]);
  assert.deepEqual(shared(one, 'self'), []);
  assert.deepEqual(shared(one, two), []);
});

test('a container sees its own processes, host name, network and groups only', async () => {
  const seen = await subject.prints(
    ['-h', 'inside'],
    'sh',
    '-c',
    'ls -d /proc/[0-9]* | wc -l; hostname; ls /sys/class/net; cut -d: -f3 /proc/1/cgroup | sort -u; ipcs -q | wc -l',
  );
  const [processes, hostname, link, group] = seen.split('\n');
  assert.ok(Number(processes) <= 4, `${processes} processes`);
  assert.deepEqual([hostname, link, group], ['inside', 'lo', '/']);
  assert.equal(execFileSync('hostname', { encoding: 'utf8' }).trim(), 'gantry-test');
});

for (const [flag, kind] of [
  ['--pid', 'pid'],
  ['--ipc', 'ipc'],
  ['--uts', 'uts'],
  ['--cgroupns', 'cgroup'],
] as const) {
  test(`${flag} host shares that namespace with the host and no other`, async () => {
    const pid = await subject.start(`host-${kind}`, [flag, 'host']);
    assert.deepEqual(shared(pid, 'self'), [kind]);
  });
}

test('--network host shares the network of the host and no other namespace', async () => {
  await subject.docker.ok(['run', '-d', '--name', 'host-net', '--network', 'host', 'busybox:test', 'sleep', '600']);
  const pid = Number(await subject.docker.ok(['inspect', '-f', '{{.State.Pid}}', 'host-net']));
  assert.deepEqual(shared(pid, 'self'), ['net']);
});

test('container:X joins the namespaces that were named', async () => {
  const donor = await subject.start('donor', ['--ipc', 'shareable']);
  const flags = ['--pid', 'container:donor', '--ipc', 'container:donor'];
  const pid = await subject.start('guest', flags);
  assert.deepEqual(shared(pid, donor).sort(), ['ipc', 'pid']);
  await subject.docker.ok([
    'run',
    '-d',
    '--name',
    'net-guest',
    '--network',
    'container:donor',
    'busybox:test',
    'sleep',
    '600',
  ]);
  const networkGuest = Number(await subject.docker.ok(['inspect', '-f', '{{.State.Pid}}', 'net-guest']));
  assert.deepEqual(shared(networkGuest, donor), ['net']);
  const hostnames = await Promise.all(
    ['donor', 'net-guest'].map((name) => subject.docker.ok(['exec', name, 'hostname'])),
  );
  assert.equal(hostnames[0], hostnames[1]);
  await subject.docker.ok(['exec', 'donor', 'sh', '-c', 'echo shared > /dev/shm/word']);
  assert.equal(await subject.docker.ok(['exec', 'guest', 'cat', '/dev/shm/word']), 'shared');
});

test('IPC is private unless its owner says that it may be shared, with the text of Docker', async () => {
  await subject.start('closed', []);
  const { code, stderr } = await subject.run(['--ipc', 'container:closed'], 'true');
  assert.equal(code, 125);
  const id = await subject.docker.ok(['inspect', '-f', '{{.Id}}', 'closed']);
  assert.equal(
    messageIn(stderr),
    `can't join IPC of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
  assert.equal(await subject.prints(['--ipc', 'none'], 'sh', '-c', 'grep -c " /dev/shm " /proc/mounts || true'), '0');
});

test('an exec is in all namespaces of its container', async () => {
  const pid = await subject.start('execs', []);
  const links = await subject.docker.ok([
    'exec',
    'execs',
    'sh',
    '-c',
    'for n in /proc/self/ns/*; do readlink $n; done',
  ]);
  for (const kind of ALL) assert.ok(links.includes(namespaceOf(pid, kind)), kind);
});

test('mounts of a container are not seen on the host, nor those of the host inside', async () => {
  const pid = await subject.start('mounts', ['--tmpfs', '/only-inside']);
  const inside = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  assert.match(inside, / \/only-inside /);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /only-inside/);
  assert.deepEqual(readdirSync(`/proc/${pid}/root`).sort(), [
    ...'bin dev etc home only-inside proc root sys tmp usr var'.split(' '),
  ]);
});
