import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer } from '../support/image.ts';
import type { TarEntry } from '../support/tar.ts';
import { messageIn, useSubject } from './engine.ts';
import { hostileLoader } from './loader.ts';

inThrowawayHost();
const subject = useSubject();

const link = (name: string, linkName: string): TarEntry => ({ name, type: 'symlink', linkName });
const without = (...names: string[]): TarEntry[] =>
  busyboxLayer().filter(
    (entry) => !names.some((name) => entry.name === `${name}/` || entry.name.startsWith(`${name}/`)),
  );

/** A directory of the host whose content nothing may change or show. */
function secretDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'secret-'));
  for (const name of ['etc', 'dev', 'data']) mkdirSync(join(directory, name));
  for (const name of ['hosts', 'etc/hosts', 'resolv.conf']) writeFileSync(join(directory, name), 'SECRET\n');
  return directory;
}
const listing = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) =>
      existsSync(join(directory, name, '.')) ? name : `${name}:${readFileSync(join(directory, name), 'utf8')}`,
    );

const inImage = (tag: string, flags: readonly string[], ...command: string[]) =>
  subject.docker(['run', '--rm', '--network', 'none', ...flags, tag, ...command], { timeoutMs: 20_000 });

test('a container and its execs hold no descriptor but 0, 1 and 2, on pipes and on terminals', async () => {
  const list = 'for f in /proc/self/fd/*; do echo "$(basename $f) $(readlink $f)"; done';
  for (const flags of [[], ['-i'], ['-t']]) {
    const name = `fds${flags.join('')}`;
    const pid = await subject.start(name, flags);
    assert.deepEqual(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2'], name);
    for (const fd of ['0', '1', '2']) assert.match(readlinkSync(`/proc/${pid}/fd/${fd}`), /^(pipe:|\/dev\/(null|pts))/);
  }
  for (const flags of [[], ['-i'], ['-t']]) {
    const lines = (await subject.docker.ok(['exec', ...flags, 'fds', 'sh', '-c', list])).split(/\r?\n/);
    // The shell itself opens the directory that it expands.
    const held = lines.filter((line) => /^\d/.test(line) && !line.includes('/proc/') && line.includes('/'));
    assert.deepEqual(
      held.filter((line) => !/^[012] \/dev\/(null|pts\/\d+)$/.test(line)),
      [],
      lines.join('\n'),
    );
  }
});

test('no working directory leads through descriptors to the host, in run or exec (CVE-2024-21626)', async () => {
  await subject.start('cwd', []);
  await subject.load({
    layers: [[...busyboxLayer(), link('wd', '/proc/self/fd/7')]],
    config: { WorkingDir: '/wd' },
    tags: ['wd:test'],
  });
  assert.notEqual((await inImage('wd:test', [], 'ls', '-a')).code, 0);
  for (let fd = 3; fd < 16; fd++) {
    const run = fd < 10 ? await subject.run(['-w', `/proc/self/fd/${fd}`], 'pwd') : undefined;
    const exec = await subject.docker(['exec', '-w', `/proc/self/fd/${fd}`, 'cwd', 'pwd']);
    for (const result of [run, exec]) {
      if (result === undefined) continue;
      assert.notEqual(result.code, 0, `${fd}: ${result.stdout}`);
      assert.match(result.stdout + result.stderr, /not a directory|no such file or directory/i);
    }
  }
});

test('the binary of the runtime cannot be overwritten through /proc/self/exe (CVE-2019-5736)', {
  skip: process.arch !== 'x64',
}, async () => {
  const script = [
    'i=0',
    'while [ $i -lt 5 ]; do { echo owned > /proc/self/fd/3; } 2>/dev/null && echo OVERWRITTEN; i=$((i+1)); /bin/sleep 0.05; done',
    'echo "runtime $(/bin/readlink /proc/self/fd/3)"',
  ].join('\n');
  const loader = ['lib64/ld-linux-x86-64.so.2'].map(
    (name): TarEntry => ({ name, mode: 0o755, content: hostileLoader() }),
  );
  const layer = [
    ...busyboxLayer(),
    { name: 'lib64/', type: 'dir' as const },
    ...loader,
    { name: 'evil.sh', content: script },
  ];
  await subject.load({ layers: [layer], config: { Cmd: ['sleep', '600'] }, tags: ['exe:test'] });
  const paths = ['/usr/bin/crun', '/usr/sbin/runc', '/usr/bin/conmon'].filter((path) => existsSync(path));
  const digests = () => paths.map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));
  const before = digests();
  await subject.docker.ok(['run', '-d', '--name', 'exe', '--network', 'none', 'exe:test']);
  const results = [
    await inImage('exe:test', [], '/proc/self/exe'),
    await subject.docker(['exec', 'exe', '/proc/self/exe']),
    await subject.docker(['exec', '-t', 'exe', '/proc/self/exe']),
  ];
  for (const { stdout, stderr } of results) {
    assert.match(stdout, /runtime \//, `the attack did not run: ${stdout}${stderr}`);
    assert.doesNotMatch(stdout, /OVERWRITTEN/);
  }
  assert.deepEqual(digests(), before);
});

const secret = secretDirectory();
const UP = '../../../../../../../..';
const LINKED: readonly (readonly [string, readonly TarEntry[]])[] = [
  ['dev', [...without('dev'), link('dev', join(secret, 'dev'))]],
  ['dev-up', [...without('dev'), link('dev', UP + join(secret, 'dev'))]],
  ['dev-proc', [...without('dev'), link('dev', 'proc/self')]],
  ['proc', [...without('proc'), link('proc', secret)]],
  ['sys', [...without('sys'), link('sys', secret)]],
  ['etc', [...without('etc'), link('etc', join(secret, 'etc'))]],
  [
    'files',
    [...without('dev', 'proc', 'sys'), ...['dev', 'proc', 'sys'].map((name): TarEntry => ({ name, content: 'x' }))],
  ],
  ['none', without('dev', 'proc', 'sys', 'etc')],
  [
    'etc-files',
    [
      ...busyboxLayer(),
      link('etc/resolv.conf', UP + join(secret, 'resolv.conf')),
      link('etc/hosts', join(secret, 'hosts')),
      link('etc/hostname', '/proc/self/environ'),
    ],
  ],
  [
    'nodes',
    [
      ...busyboxLayer(),
      ...['null', 'console', 'ptmx'].map((name) => link(`dev/${name}`, '/etc/hello')),
      link('dev/pts', '/tmp'),
      link('dev/shm', '/etc'),
    ],
  ],
];

for (const [name, layer] of LINKED) {
  test(`an image with links or files in the place of mount points is as safe and as usable as any: ${name}`, async () => {
    const before = listing(secret);
    await subject.load({ layers: [layer], config: { Env: ['PATH=/bin'] }, tags: [`links-${name}:test`] });
    const script =
      'for p in /proc /dev /sys /etc; do [ -d $p ] && [ ! -h $p ] && echo ok; done; cut -d" " -f2 /proc/mounts | grep -cE "^/(proc|dev|sys|etc/(hosts|hostname|resolv.conf))$"; ' +
      'head -c 4 /dev/zero | wc -c; cat /proc/keys /proc/interrupts | wc -c; cat /etc/hosts; (echo x > /proc/sys/kernel/panic) 2>&1 | grep -c Read-only';
    const { code, stdout, stderr } = await inImage(`links-${name}:test`, ['-h', 'inside'], 'sh', '-c', script);
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.split('\n').slice(0, 7), ['ok', 'ok', 'ok', 'ok', '6', '4', '0']);
    assert.match(stdout, /127\.0\.0\.1\tlocalhost/);
    assert.doesNotMatch(stdout, /SECRET/);
    assert.deepEqual(listing(secret), before);
  });
}

test('targets of mounts that go through links of the image stay inside', async () => {
  const before = listing(secret);
  const layer = [
    ...busyboxLayer(),
    link('data', join(secret, 'data')),
    link('up', UP + join(secret, 'data')),
    link('loop', 'loop'),
    link('p', '/proc'),
    link('root-again', '/'),
  ];
  await subject.load({ layers: [layer], config: { Env: ['PATH=/bin'] }, tags: ['targets:test'] });
  const source = mkdtempSync(join(tmpdir(), 'source-'));
  writeFileSync(join(source, 'word'), 'mounted\n');
  const show = await inImage(
    'targets:test',
    ['-v', `${source}:/data`, '-v', `${source}/word:/up/word2`],
    'sh',
    '-c',
    'cat /data/word /up/word2; echo inside > /data/new',
  );
  assert.deepEqual([show.code, show.stdout], [0, 'mounted\nmounted\n'], show.stderr);
  assert.equal(readFileSync(join(source, 'new'), 'utf8'), 'inside\n');
  assert.deepEqual(listing(secret), before);
  for (const flags of [
    ['--device', '/dev/null:/data/node'],
    ['--device', '/dev/null:/up/node'],
    ['-w', '/data/made'],
    ['-w', '/up/made'],
  ]) {
    await inImage('targets:test', flags, 'true');
    assert.deepEqual(listing(secret), before, flags.join(' '));
  }
  const refused = async (target: string, kind = 'bind'): Promise<string> => {
    const flags = kind === 'bind' ? ['-v', `${source}:${target}`] : ['--tmpfs', target];
    const { code, stderr } = await inImage('targets:test', flags, 'true');
    assert.equal(code, 125, target);
    return messageIn(stderr);
  };
  assert.match(await refused('/loop/x'), /goes round in symbolic links/);
  assert.match(await refused('/proc'), /not of type proc/);
  assert.match(await refused('/p'), /not of type proc/);
  assert.match(await refused('/p/self/attr'), /inside \/proc/);
  assert.match(await refused('/x/../proc/sys'), /inside \/proc/);
  assert.match(await refused('/proc', 'tmpfs'), /not of type proc/);
  assert.match(await refused('/proc/self', 'tmpfs'), /inside \/proc/);
  assert.match(await refused('/root-again'), /destination can't be '\/'/);
  assert.match(await refused('/x/..'), /destination can't be '\/'/);
  const meminfo = await inImage('targets:test', ['-v', `${source}/word:/proc/meminfo`], 'cat', '/proc/meminfo');
  assert.equal(meminfo.stdout, 'mounted\n');
});

test('a bind on /etc leaves the container with a hosts file of its own; --init is found behind links', async () => {
  const etc = mkdtempSync(join(tmpdir(), 'etc-'));
  writeFileSync(join(etc, 'mine'), 'mine\n');
  assert.match(await subject.prints(['-v', `${etc}:/etc`], 'cat', '/etc/mine', '/etc/hosts'), /^mine\n127\.0\.0\.1/);
  await subject.load({
    layers: [[...busyboxLayer(), link('sbin', secret)]],
    config: { Env: ['PATH=/bin'] },
    tags: ['sbin:test'],
  });
  const before = listing(secret);
  const init = await inImage('sbin:test', ['--init'], 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline');
  assert.match(init.stdout, /^\/sbin\/docker-init -- sh/, init.stderr);
  assert.deepEqual(listing(secret), before);
});

test('the root of a container does not reveal or change the root of the host', async () => {
  await subject.start('rooted', []);
  const inside = await subject.docker.ok([
    'exec',
    'rooted',
    'sh',
    '-c',
    'ls -a /.. ; ls /proc/1/root; cat /proc/1/mountinfo | wc -l',
  ]);
  assert.doesNotMatch(inside, /work|boot/);
  const up = await subject.docker(['exec', 'rooted', 'chroot', '/proc/1/root', 'ls', '/']);
  assert.doesNotMatch(up.stdout, /boot/);
});
