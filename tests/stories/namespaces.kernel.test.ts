import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const run = (...args: readonly string[]) => story.docker.ok(['run', '--rm', ...args]);
const sh = (options: readonly string[], script: string) => run(...options, IMAGE, 'sh', '-c', script);
const refused = (text: string | RegExp, ...args: readonly string[]) =>
  story.refuses(['run', ...args, IMAGE, 'true'], 125, text);
const startOther = (...options: readonly string[]) =>
  story.docker.ok(['run', '-d', '--name', 'other', ...options, IMAGE, 'sleep', '100']);

test('without a network there is loopback alone', async () => {
  assert.equal(await sh(['--network', 'none'], 'ls /sys/class/net; grep -c 172 /etc/hosts; true'), 'lo\n0');
});

test('on the bridge there is an address, which the host and others reach', async () => {
  await story.docker.ok(['run', '-d', '--name', 'server', IMAGE, 'sh', '-c', 'echo hi > /index.html; httpd -f -h /']);
  const address = await story.docker.ok(['inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', 'server']);
  assert.match(address, /^172\.17\./);
  assert.equal(await run(IMAGE, 'wget', '-qO-', `http://${address}/`), 'hi');
  const mac = await sh(['--mac-address', '02:42:ac:11:00:99'], 'cat /sys/class/net/eth0/address');
  assert.equal(mac, '02:42:ac:11:00:99');
});

test('the network of the host is the host itself, with its name unless another is given', async () => {
  assert.equal(await sh(['--network', 'host'], 'ls /sys/class/net | grep -c gantry; hostname'), `1\n${hostname()}`);
  assert.equal(await run('--network', 'host', '-h', 'mine', IMAGE, 'hostname'), 'mine');
});

test('a container can share the network, processes, IPC and shared memory of another', async () => {
  await startOther('--ipc', 'shareable', '-h', 'othername', '--shm-size', '2m');
  const all = ['--network', 'container:other', '--pid', 'container:other', '--ipc', 'container:other'];
  const script =
    'hostname; cat /etc/hostname; ps | grep -c "[s]leep 100"; echo shared > /dev/shm/x; grep /dev/shm /proc/mounts';
  assert.match(
    await sh(all, script),
    /^othername\nothername\n1\nshm \/dev\/shm tmpfs rw,nosuid,nodev,noexec,.*size=2048k/,
  );
  assert.equal(await story.docker.ok(['exec', 'other', 'cat', '/dev/shm/x']), 'shared');
  assert.equal(await story.docker.ok(['exec', 'other', 'hostname']), 'othername');
  const inode = (kind: string) => `readlink /proc/self/ns/${kind}`;
  for (const kind of ['net', 'ipc']) {
    const theirs = await story.docker.ok(['exec', 'other', 'sh', '-c', inode(kind)]);
    assert.equal(await sh(all, inode(kind)), theirs, kind);
    assert.notEqual(await sh([], inode(kind)), theirs, kind);
  }
});

test('who cannot be joined is told apart from an image that is missing: nothing is pulled', async () => {
  for (const option of ['--network', '--pid', '--ipc']) {
    await refused(/^docker: Error response from daemon: No such container: nosuch/, option, 'container:nosuch');
  }
  await refused('failed to set up container networking: network nosuch not found', '--network', 'nosuch');
  await startOther();
  await refused('non-shareable IPC (hint: use IpcMode:shareable for the donor container)', '--ipc', 'container:other');
  await story.docker.ok(['kill', 'other']);
  await refused(
    'cannot join network namespace of a non running container: container other is exited',
    '--network',
    'container:other',
  );
});

test('settings that mean nothing in the namespace of another are refused', async () => {
  await startOther();
  const joined = ['--network', 'container:other'];
  await refused('conflicting options: hostname and the network mode', ...joined, '-h', 'mine');
  await refused('conflicting options: dns and the network mode', ...joined, '--dns', '1.1.1.1');
  await refused(
    'conflicting options: custom host-to-IP mapping and the network mode',
    ...joined,
    '--add-host',
    'a:1.1.1.1',
  );
  await refused('conflicting options: hostname and the UTS mode', '--uts', 'host', '-h', 'mine');
});

test('processes, IPC and host name of the host can be shared', async () => {
  const facts = 'for kind in pid ipc uts; do readlink /proc/self/ns/$kind; done';
  const own = (await sh([], facts)).split('\n');
  const shared = (await sh(['--pid', 'host', '--ipc', 'host', '--uts', 'host'], facts)).split('\n');
  for (const [index, one] of shared.entries()) assert.notEqual(one, own[index]);
  for (const option of ['--pid', '--ipc', '--uts', '--cgroupns']) await refused(/nvalid/, option, 'bogus');
});

test('hosts and resolv.conf say what was asked', async () => {
  const options = [
    '--dns',
    '1.2.3.4',
    '--dns-search',
    'example.org',
    '--dns-option',
    'ndots:3',
    '--add-host',
    'a:1.2.3.4',
    '--add-host',
    'gate:host-gateway',
  ];
  assert.equal(
    await run(...options, IMAGE, 'cat', '/etc/resolv.conf'),
    'nameserver 1.2.3.4\nsearch example.org\noptions ndots:3',
  );
  const hosts = await run(...options, '-h', 'box', IMAGE, 'cat', '/etc/hosts');
  assert.match(hosts, /^127\.0\.0\.1\tlocalhost$/m);
  assert.match(hosts, /^172\.17\.\d+\.\d+\tbox$/m);
  assert.match(hosts, /^1\.2\.3\.4\ta$/m);
  assert.match(hosts, /^172\.17\.0\.1\tgate$/m);
  await refused('add-host', '--add-host', 'bad');
});
