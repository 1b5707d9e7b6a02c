import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer } from '../support/image.ts';
import type { TarEntry } from '../support/tar.ts';
import { messageIn, useSubject } from './engine.ts';

inThrowawayHost();
const subject = useSubject();

/** Effective user and group, then the supplementary groups, as the kernel has them. */
const WHO = ['sh', '-c', 'awk \'/^(Uid|Gid)/{printf "%s ", $3} /^Groups/{$1=""; print}\' /proc/self/status'];
const who = async (...flags: string[]): Promise<string> =>
  (await subject.prints(flags, ...WHO)).replace(/ +/g, ' ').trim();

const FORMS: readonly (readonly [readonly string[], string])[] = [
  [[], '0 0 0'],
  [['-u', 'app'], '1000 1000 29 1000'],
  [['-u', '1000'], '1000 1000 29 1000'],
  [['-u', '4711'], '4711 0 0'],
  [['-u', 'app:extra'], '1000 2000 2000'],
  [['-u', 'app:77'], '1000 77 77'],
  [['-u', '4711:app'], '4711 1000 1000'],
  [['-u', ':daemon'], '0 1 1'],
  [['-u', ':'], '0 0 0'],
  [['-u', '0:'], '0 0 0'],
  [['--group-add', 'audio', '--group-add', '77'], '0 0 0 29 77'],
  [['-u', 'app', '--group-add', 'extra'], '1000 1000 29 1000 2000'],
  [['-u', '2147483647:2147483647'], '2147483647 2147483647 2147483647'],
];
for (const [flags, expected] of FORMS) {
  test(`user and groups of ${flags.join(' ') || 'nobody in particular'} are those of Docker`, async () => {
    assert.equal(await who(...flags), expected);
  });
}

const REFUSED: readonly (readonly [readonly string[], string])[] = [
  [['-u', 'nosuch'], 'unable to find user nosuch: no matching entries in passwd file'],
  [['-u', 'app:nosuch'], 'unable to find group nosuch: no matching entries in group file'],
  [['--group-add', 'nosuch'], 'unable to find group nosuch: no matching entries in group file'],
  ...['-1', '2147483648', '4294967296', '4294967295', '1000:-1', '0:4294967296'].map(
    (user) => [['-u', user], 'uids and gids must be in range 0-2147483647'] as const,
  ),
];
test('users and groups that cannot be are refused with the texts of Docker, and none of them becomes root', async () => {
  for (const [flags, message] of REFUSED) assert.equal(await subject.refusal(flags, 'true'), message, flags.join(' '));
});

test('an exec runs as the user of its container or as the one that was asked for, with the groups that were added', async () => {
  await subject.start('users', ['-u', 'app', '--group-add', 'extra', '-e', 'A=1']);
  const inExec = async (...flags: string[]) =>
    (await subject.docker.ok(['exec', ...flags, 'users', ...WHO])).replace(/ +/g, ' ').trim();
  assert.equal(await inExec(), '1000 1000 29 1000 2000');
  assert.equal(await inExec('-t'), '1000 1000 29 1000 2000');
  assert.equal(await inExec('-u', '0'), '0 0 0 2000');
  assert.equal(await inExec('-u', '1'), '1 1 1 2000');
  assert.equal(await inExec('-u', 'daemon:77'), '1 77 77 2000');
  const refused = await subject.docker(['exec', '-u', 'nosuch', 'users', 'true']);
  assert.equal(refused.code, 126);
  assert.match(refused.stdout + refused.stderr, /^unable to find user nosuch: no matching entries in passwd file/);
  const home = await subject.docker.ok(['exec', '-u', 'app', 'users', 'sh', '-c', 'echo $HOME $A']);
  assert.equal(home, '/home/app 1');
});

const image = async (tag: string, changed: readonly TarEntry[]): Promise<void> => {
  const names = new Set(changed.map(({ name }) => name));
  const layer = [...busyboxLayer().filter(({ name }) => !names.has(name)), ...changed];
  await subject.load({ layers: [layer], config: { Env: ['PATH=/bin'] }, tags: [tag] });
};
const inImage = (tag: string, ...flags: string[]) =>
  subject.docker(['run', '--rm', '--network', 'none', ...flags, tag, ...WHO], { timeoutMs: 10_000 });

test('a number is a number, even where the image has a user of that name (CVE-2026-46680)', async () => {
  const content = 'root:x:0:0::/root:/bin/sh\n1000:x:0:0::/:/bin/sh\n-1:x:0:0::/:/bin/sh\n';
  await image('numbers:test', [
    { name: 'etc/passwd', content },
    { name: 'etc/group', content: '50:x:0:\n' },
  ]);
  assert.match((await inImage('numbers:test', '-u', '1000:50')).stdout, /^1000 50 +50\n/);
  assert.equal((await inImage('numbers:test', '-u', '-1')).code, 125);
});

test('a passwd or group that is a fifo, a device or a directory is as good as none, and nobody waits for it', async () => {
  const hidden: readonly (readonly [string, readonly TarEntry[]])[] = [
    [
      'fifo',
      [
        { name: 'etc/passwd', type: 'fifo' },
        { name: 'etc/group', type: 'fifo' },
      ],
    ],
    [
      'device',
      [
        { name: 'etc/passwd', type: 'char', device: [1, 5] },
        { name: 'etc/group', type: 'char', device: [5, 0] },
      ],
    ],
    [
      'directory',
      [
        { name: 'etc/passwd/', type: 'dir' },
        { name: 'etc/group/', type: 'dir' },
      ],
    ],
  ];
  for (const [kind, entries] of hidden) {
    const layer = [...busyboxLayer().filter(({ name }) => !/^etc\/(passwd|group)$/.test(name)), ...entries];
    await subject.load({ layers: [layer], config: { Env: ['PATH=/bin'] }, tags: [`${kind}:test`] });
    assert.match((await inImage(`${kind}:test`, '-u', '5')).stdout, /^5 0 +0\n/, kind);
    const named = await inImage(`${kind}:test`, '-u', 'app');
    assert.equal(messageIn(named.stderr), 'unable to find user app: no matching entries in passwd file');
  }
});

test('a passwd that is a link out of the image is looked up inside it', async () => {
  mkdirSync('/run/outside');
  writeFileSync('/run/outside/passwd', 'trap:x:0:0::/:/bin/sh\n');
  await image('links:test', [
    { name: 'etc/passwd', type: 'symlink', linkName: '/run/outside/passwd' },
    { name: 'etc/group', type: 'symlink', linkName: '../../../../run/outside/passwd' },
  ]);
  assert.ok(existsSync('/run/outside/passwd'));
  assert.equal(
    messageIn((await inImage('links:test', '-u', 'trap')).stderr),
    'unable to find user trap: no matching entries in passwd file',
  );
});

test('a huge passwd or group, or one line of it, does no harm (CVE-2026-47262)', async () => {
  await image('huge:test', [{ name: 'etc/group', content: `big:x:9:${'member,'.repeat(400_000)}\n` }]);
  const refused = await inImage('huge:test', '-u', 'app');
  assert.match(refused.stderr, /\/etc\/group of the image is longer than 1048576 bytes/);
  await image('broken:test', [
    {
      name: 'etc/passwd',
      content: `app\n:::\napp:x:abc:0::/:\napp:x:99999999999:0::/:\n${'x'.repeat(500_000)}\napp:x:7:8::/srv:\n`,
    },
  ]);
  assert.match((await inImage('broken:test', '-u', 'app')).stdout, /^7 8 +8/);
});
