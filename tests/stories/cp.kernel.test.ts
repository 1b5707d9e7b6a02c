import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const directory = join(tmpdir(), 'cp');
mkdirSync(directory, { recursive: true });
const story = tellStory();

const here = (...parts: readonly string[]): string => join(directory, ...parts);
const docker = (...args: readonly string[]): Promise<string> => story.docker.ok(args);
const script = (name: string, ...lines: readonly string[]) => docker('exec', name, 'sh', '-ec', lines.join('\n'));

async function running(name: string, ...flags: readonly string[]): Promise<void> {
  await docker('run', '-d', '--name', name, '--network', 'none', ...flags, IMAGE, 'sleep', '600');
}

test('files go into and come out of containers that are created, running, paused and stopped', async () => {
  writeFileSync(here('greeting'), 'hello\n');
  chmodSync(here('greeting'), 0o640);
  await docker('create', '--name', 'box', '--network', 'none', IMAGE, 'sleep', '600');
  const roundTrip = async (state: string): Promise<void> => {
    await docker('cp', here('greeting'), `box:/tmp/${state}`);
    await docker('cp', `box:/tmp/${state}`, here(state));
    assert.equal(readFileSync(here(state), 'utf8'), 'hello\n', state);
    assert.equal(statSync(here(state)).mode & 0o777, 0o640, state);
  };
  await roundTrip('created');
  await docker('start', 'box');
  await roundTrip('running');
  await docker('pause', 'box');
  await roundTrip('paused');
  await docker('unpause', 'box');
  assert.equal(await script('box', 'cat /tmp/created /tmp/running /tmp/paused'), 'hello\nhello\nhello');
  await docker('kill', 'box');
  await roundTrip('stopped');
});

test('a directory takes the name of its target, or goes into it where that is there, and `/.` means what is in it', async () => {
  mkdirSync(here('tree/sub'), { recursive: true });
  writeFileSync(here('tree/sub/file'), 'x');
  await running('dirs');
  await docker('cp', here('tree'), 'dirs:/fresh');
  await docker('cp', here('tree'), 'dirs:/tmp');
  await script('dirs', 'mkdir /content');
  await docker('cp', `${here('tree')}/.`, 'dirs:/content');
  assert.equal(
    await script('dirs', 'find /fresh /tmp /content -type f'),
    '/fresh/sub/file\n/tmp/tree/sub/file\n/content/sub/file',
  );
  await docker('cp', 'dirs:/fresh', here('out'));
  await docker('cp', 'dirs:/fresh/.', here('tree'));
  assert.ok(existsSync(here('out/sub/file')));
  assert.equal(
    execFileSync('tar', ['tf', '-'], { input: await tarOf('dirs:/fresh'), encoding: 'utf8' }),
    'fresh/\nfresh/sub/\nfresh/sub/file\n',
  );
});

const tarOf = async (source: string): Promise<Buffer> => {
  execFileSync('sh', ['-c', `docker -H ${story.daemon.host} cp ${source} - > ${here('stream.tar')}`]);
  return readFileSync(here('stream.tar'));
};

test('what is special about files survives both ways: links, owners, modes, times, attributes, devices, long names', async () => {
  await running('source');
  const long = 'n'.repeat(200);
  await script(
    'source',
    'mkdir -p /s/deep && cd /s',
    'echo one > one && ln one two && ln -s ../etc/passwd link && mkfifo fifo',
    `chown 1234:70000 one && chmod 6751 one && touch -d @1000000000 one && echo ${long} > ${long}`,
    'mknod null c 1 3 && touch -d @1100000000 deep && dd if=/dev/zero of=sparse bs=1 count=1 seek=99999999 2>/dev/null',
  );
  const tar = await tarOf('source:/s');
  const listed = execFileSync('tar', ['tvf', '-', '--numeric-owner', '--utc', '--full-time'], {
    input: tar,
    encoding: 'utf8',
  });
  assert.match(listed, /-rwsr-s--x 1234\/70000 +4 2001-09-09 01:46:40 +s\/one/);
  assert.match(listed, /s\/two link to s\/one/);
  assert.match(listed, /s\/link -> \.\.\/etc\/passwd/);
  assert.match(listed, /^p.* s\/fifo$/m);
  assert.match(listed, /^c.* 1,3 .* s\/null$/m);
  assert.ok(listed.includes(`s/${long}`));
  await running('target');
  execFileSync('sh', ['-c', `docker -H ${story.daemon.host} cp - target:/tmp < ${here('stream.tar')}`]);
  assert.equal(
    await script(
      'target',
      'cd /tmp/s; stat -c "%h %u:%g %a %Y" one; stat -c %Y deep; stat -c "%t,%T %F" null; readlink link; cat two; du -k sparse | cut -f1; stat -c %s sparse',
    ),
    '2 1234:70000 6751 1000000000\n1100000000\n1,3 character special file\n../etc/passwd\none\n0\n100000000',
  );
});

test('volumes, binds and tmpfs are seen as the container sees them, also through links, running or not', async () => {
  mkdirSync(here('bound'));
  writeFileSync(here('bound/in-bind'), 'bind\n');
  const mounts = ['-v', 'vol:/data', '-v', `${here('bound')}:/data/bound`, '--tmpfs', '/mem'];
  await running('mounted', ...mounts);
  await script(
    'mounted',
    'echo vol > /data/in-volume; ln -s /data/bound /etc/way; ln -s way/../in-volume /etc/round; echo mem > /mem/file',
  );
  const read = async (path: string): Promise<string> => {
    await docker('cp', '-L', `mounted:${path}`, here('read'));
    return readFileSync(here('read'), 'utf8');
  };
  const all = async (): Promise<void> => {
    assert.equal(await read('/data/in-volume'), 'vol\n');
    assert.equal(await read('/data/bound/in-bind'), 'bind\n');
    assert.equal(await read('/etc/way/in-bind'), 'bind\n');
    assert.equal(await read('/etc/round'), 'vol\n');
    const tar = await tarOf('mounted:/data');
    assert.ok(tar.includes('data/bound/in-bind'));
  };
  await all();
  assert.equal(await read('/mem/file'), 'mem\n');
  await docker('kill', 'mounted');
  await all();
  writeFileSync(here('new'), 'new\n');
  await docker('cp', here('new'), 'mounted:/etc/way/from-outside');
  assert.equal(readFileSync(here('bound/from-outside'), 'utf8'), 'new\n');
  await docker('cp', here('new'), 'mounted:/data/');
  assert.equal(await docker('run', '--rm', '-v', 'vol:/d', IMAGE, 'cat', '/d/new'), 'new');
  assert.equal(execFileSync('findmnt', ['-rn', '-o', 'TARGET'], { encoding: 'utf8' }).includes('volumes/vol'), false);
});

test('a link is copied as a link, and followed with -L', async () => {
  await running('links');
  await script('links', 'echo real > /real; ln -s /real /link');
  await docker('cp', 'links:/link', here('link'));
  assert.equal(readlinkSync(here('link')), '/real');
  await docker('cp', '-L', 'links:/link', here('followed'));
  assert.ok(lstatSync(here('followed')).isFile());
  writeFileSync(here('other'), 'other');
  await docker('cp', here('other'), 'links:/link');
  assert.equal(await script('links', 'cat /real; readlink /link'), 'other/real');
});

test('what cannot be is refused in the words of Docker', async () => {
  writeFileSync(here('f'), 'f');
  mkdirSync(here('dir/x'), { recursive: true });
  await running('guarded', '--read-only', '-v', 'rw:/rw', '-v', 'ro:/ro:ro', '--tmpfs', '/tmp');
  const refuses = (text: string, ...args: readonly string[]) => story.refuses(['cp', ...args], 1, text);
  await refuses('Could not find the file /no/such in container guarded', 'guarded:/no/such', directory);
  await refuses('Could not find the file /no in container guarded', here('f'), 'guarded:/no/such');
  await refuses('container rootfs is marked read-only', here('f'), 'guarded:/etc/f');
  await refuses('mounted volume is marked read-only', here('f'), 'guarded:/ro/f');
  await docker('cp', here('f'), 'guarded:/rw/f');
  await docker('cp', here('f'), 'guarded:/tmp/f');
  await docker('kill', 'guarded');
  await refuses('container rootfs is marked read-only', here('f'), 'guarded:/etc/f');
  await refuses('mounted volume is marked read-only', here('f'), 'guarded:/ro/f');
  await docker('cp', here('f'), 'guarded:/rw/g');
  await running('plain');
  await script('plain', 'mkdir -p /a/dir/x /b; echo > /b/dir');
  await refuses('cannot copy directory', here('dir'), 'plain:/etc/passwd');
  const put = (path: string) => story.daemon.api('PUT', `/containers/plain/archive?path=${path}`);
  assert.deepEqual(
    [(await put('/etc/passwd')).status, (await put('/no')).status, (await put('')).status],
    [400, 404, 400],
  );
  await refuses('No such container: gone', 'gone:/x', directory);
});

test('files that are mounted on get new content, and everything else about them stays', async () => {
  writeFileSync(here('hosts'), '10.9.8.7 somewhere\n');
  await running('hosts');
  await docker('cp', here('hosts'), 'hosts:/etc/hosts');
  assert.equal(await script('hosts', 'cat /etc/hosts; grep -c /etc/hosts /proc/mounts'), '10.9.8.7 somewhere\n1');
});

test('the stat of a path is in a header, as the API says', async () => {
  await running('head');
  await script('head', 'ln -s /etc /tmp/link; chmod 1777 /tmp; mkfifo /pipe');
  const stat = async (path: string) => {
    const answer = await story.daemon.api('HEAD', `/containers/head/archive?path=${path}`);
    assert.equal(answer.status, 200);
    return JSON.parse(Buffer.from(String(answer.headers['x-docker-container-path-stat']), 'base64').toString());
  };
  const link = await stat('/tmp/link');
  assert.deepEqual([link.name, link.linkTarget, link.mode >>> 27], ['link', '/etc', 1]);
  const tmp = await stat('/tmp/');
  assert.deepEqual([tmp.name, tmp.mode, tmp.linkTarget], ['tmp', 2 ** 31 + 2 ** 20 + 0o777, '']);
  assert.equal((await stat('/tmp/link/.')).name, '.');
  assert.equal((await stat('/')).name, '/');
  assert.ok((await stat('/pipe')).mode & (2 ** 25));
  assert.match(tmp.mtime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
});

test('the whole root of a running container is copied without what only the kernel shows there', async () => {
  await running('whole');
  await script('whole', 'echo mine > /mine');
  const names = execFileSync('tar', ['tf', '-'], { input: await tarOf('whole:/'), encoding: 'utf8' }).split('\n');
  assert.ok(names.includes('/mine') && names.includes('/etc/hosts'), names.slice(0, 20).join(' '));
  assert.deepEqual(
    names.filter((name) => /^\/(proc|sys|dev)\/./.test(name)),
    [],
  );
});

test('files in which the kernel shows itself are none of a container, and their directories are empty', async () => {
  await running('box');
  const missing = 'Could not find the file /proc/version in container box';
  await story.refuses(['cp', 'box:/proc/version', '-'], 1, missing);
  await story.refuses(['cp', 'box:/sys/kernel', '-'], 1, 'Could not find the file /sys/kernel in container box');
  for (const name of ['proc', 'dev']) {
    const names = execFileSync('tar', ['tf', '-'], { input: await tarOf(`box:/${name}`), encoding: 'utf8' });
    assert.equal(names, `${name}/\n`);
  }
});
