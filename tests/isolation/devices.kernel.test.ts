import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer } from '../support/image.ts';
import { useSubject } from './engine.ts';

inThrowawayHost();
const subject = useSubject();

/** The loop driver's control device: anybody may open it, and nothing comes of it. */
const CONTROL = ['10', '237'];

/** Nodes of the host to hand over. */
function makeDevices(): string {
  const directory = mkdtempSync(join(tmpdir(), 'devices-'));
  mkdirSync(join(directory, 'below'));
  for (const [name, minor] of [
    ['below/zero', 5],
    ['below/port', 4],
  ] as const) {
    execFileSync('mknod', [join(directory, name), 'c', '1', String(minor)]);
  }
  execFileSync('mknod', [join(directory, 'control'), 'c', ...CONTROL]);
  chmodSync(join(directory, 'below/zero'), 0o640);
  chownSync(join(directory, 'below/zero'), 1000, 29);
  return directory;
}

const devices = makeDevices();

test('a container has the default devices, with the numbers and modes of Docker, and no others', async () => {
  const listing = await subject.prints(
    [],
    'sh',
    '-c',
    'cd /dev; for d in *; do stat -c "%n %F %t:%T %a %u:%g" $d; done | grep special; echo $(ls)',
  );
  assert.deepEqual(listing.split('\n'), [
    'full character special file 1:7 666 0:0',
    'null character special file 1:3 666 0:0',
    'random character special file 1:8 666 0:0',
    'tty character special file 5:0 666 0:0',
    'urandom character special file 1:9 666 0:0',
    'zero character special file 1:5 666 0:0',
    listing.split('\n').at(-1),
  ]);
  const names = (listing.split('\n').at(-1) ?? '').split(' ').filter((name) => name !== 'core');
  assert.deepEqual(names, 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(' '));
  assert.match(await subject.prints(['-t'], 'ls', '/dev'), /console/);
});

test('nodes that a container makes cannot be used, but for the default ones', async () => {
  const nodes = ['b 254 0', 'b 7 0', 'c 1 1', 'c 1 11', 'c 10 229', 'c 10 200', 'c 10 237', 'c 4 1'];
  const script = nodes.map(
    (node, index) =>
      `mknod /tmp/n${index} ${node} || echo no node; (: < /tmp/n${index}) 2>&1; (: > /tmp/n${index}) 2>&1`,
  );
  const said = await subject.run(
    [],
    'sh',
    '-c',
    [...script, 'mknod /tmp/z c 1 5 && head -c 1 /tmp/z | wc -c'].join('; '),
  );
  assert.doesNotMatch(said.stdout, /no node/);
  assert.equal(said.stdout.match(/Operation not permitted/g)?.length, nodes.length * 2, said.stdout);
  assert.match(said.stdout, /1\n$/);
});

test('a node that an image brings along cannot be used either', async () => {
  const node = { name: 'home/disk', type: 'char', mode: 0o666, device: [10, 237] } as const;
  await subject.load({ layers: [[...busyboxLayer(), node]], config: { Env: ['PATH=/bin'] }, tags: ['node:test'] });
  const flags = ['run', '--rm', '--network', 'none', 'node:test'];
  const { stdout } = await subject.docker([
    ...flags,
    'sh',
    '-c',
    'stat -c "%F %t:%T" /home/disk; (: < /home/disk) 2>&1',
  ]);
  assert.match(stdout, /^character special file a:ed\n.*Operation not permitted/);
});

test('--device makes a node under the name, with owner and mode, and allows just what was said', async () => {
  const zero = join(devices, 'below/zero');
  assert.equal(
    await subject.prints(
      ['--device', `${zero}:/dev/deep/er/nil`],
      'stat',
      '-c',
      '%F %t:%T %a %u:%g',
      '/dev/deep/er/nil',
    ),
    'character special file 1:5 640 1000:29',
  );
  const control = join(devices, 'control');
  const use =
    '(: < /dev/k) 2>/dev/null && echo read; (: > /dev/k) 2>/dev/null && echo written; mknod /dev/other c 10 237 2>/dev/null && echo made';
  const allowed = async (permissions: string) =>
    await subject.run(['--device', `${control}:/dev/k${permissions}`], 'sh', '-c', `${use}; true`);
  assert.equal((await allowed(':r')).stdout, 'read\nmade\n');
  assert.equal((await allowed(':m')).stdout, 'made\n');
  assert.match((await allowed(':w')).stdout, /^written\n/);
  assert.match((await allowed('')).stdout, /^read\nwritten\n/);
});

test('--device of a directory gives all devices below it, under another name too', async () => {
  const below = join(devices, 'below');
  assert.equal(await subject.prints(['--device', below], 'ls', below), 'port\nzero');
  assert.equal(
    await subject.prints(
      ['--device', `${below}:/dev/many`],
      'sh',
      '-c',
      'ls /dev/many; head -c 2 /dev/many/zero | wc -c',
    ),
    'port\nzero\n2',
  );
});

test('what is no device is refused with the texts of Docker', async () => {
  const gathering = 'error gathering device information while adding custom device';
  assert.equal(
    await subject.refusal(['--device', '/dev/nope'], 'true'),
    `${gathering} "/dev/nope": no such file or directory`,
  );
  assert.equal(
    await subject.refusal(['--device', '/etc/passwd'], 'true'),
    `${gathering} "/etc/passwd": not a device node`,
  );
  assert.equal(await subject.refusal(['--device', '/etc'], 'true'), `${gathering} "/etc": not a device node`);
  assert.equal(
    await subject.refusal(['--device-read-bps', '/dev/nope:1mb'], 'true'),
    'stat /dev/nope: no such file or directory',
  );
});

test('--device-cgroup-rule allows nodes that the container makes; nonsense is refused', async () => {
  const use =
    'mknod /dev/k c 10 237; (: < /dev/k) 2>/dev/null && echo read; (: > /dev/k) 2>/dev/null && echo written; true';
  assert.equal(await subject.prints(['--device-cgroup-rule', 'c 10:237 r'], 'sh', '-c', use), 'read');
  assert.equal((await subject.prints(['--device-cgroup-rule', 'c 10:* rw'], 'sh', '-c', use)).split('\n').length, 2);
  const answer = await subject.daemon.api('POST', '/containers/create', {
    Image: 'busybox:test',
    HostConfig: { DeviceCgroupRules: ['q 1:2 rwm'] },
  });
  const started =
    answer.status === 201
      ? await subject.daemon.api('POST', `/containers/${(answer.body as { Id: string }).Id}/start`)
      : answer;
  assert.equal(started.status, 400);
  assert.match(started.text, /invalid device cgroup rule format: 'q 1:2 rwm'/);
});
