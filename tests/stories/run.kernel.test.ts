import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const run = (...args: readonly string[]) => story.docker.ok(['run', '--rm', ...args]);
const sh = (options: readonly string[], script: string) => run(...options, IMAGE, 'sh', '-c', script);

test('docker run ends with the exit code of its program, 128 + n after signal n', async () => {
  for (const [script, code] of [
    ['exit 3', 3],
    ['kill -9 $$', 137],
    ['kill -15 $$', 143],
  ] as const) {
    // The first process of a pid namespace cannot kill itself.
    assert.equal((await story.docker(['run', '--rm', '--init', IMAGE, 'sh', '-c', script])).code, code, script);
  }
});

test('125, 126 and 127 tell what went wrong before the program ran, in the words of Docker', async () => {
  const refused = (code: number, text: string, ...args: readonly string[]) =>
    story.refuses(['run', '--rm', ...args], code, text);
  await refused(127, 'exec: "nosuch": executable file not found in $PATH', IMAGE, 'nosuch');
  await refused(127, 'exec: "/no/such": stat /no/such: no such file or directory', IMAGE, '/no/such');
  await refused(126, 'exec: "/etc/passwd": permission denied', IMAGE, '/etc/passwd');
  await refused(126, 'exec: "/etc": ', IMAGE, '/etc');
  await refused(125, 'Cannot mkdir: /etc/passwd is not a directory', '-w', '/etc/passwd', IMAGE, 'pwd');
  await refused(
    125,
    "the working directory 'etc' is invalid, it needs to be an absolute path",
    '-w',
    'etc',
    IMAGE,
    'pwd',
  );
  await refused(125, 'invalid signal: BOGUS', '--stop-signal', 'BOGUS', IMAGE, 'true');
  await refused(
    125,
    'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    '--name',
    'a b',
    IMAGE,
  );
  await refused(125, 'unknown or invalid runtime name: nosuch', '--runtime', 'nosuch', IMAGE, 'true');
  assert.equal(await story.docker.ok(['ps', '-aq']), '');
});

test('an unknown image is asked for with a pull, whose refusal says what there is instead', async () => {
  await story.refuses(
    ['run', '--rm', 'nosuch:1', 'true'],
    125,
    /Unable to find image 'nosuch:1' locally(.|\n)*gantry\.local/,
  );
  await story.refuses(['create', 'nosuch:1'], 1, 'Unable to find image');
});

test('what does not exist yet answers that it is not implemented, and makes nothing', async () => {
  const noQuota = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
  await story.refuses(['run', '--storage-opt', 'size=1G', IMAGE, 'true'], 125, noQuota);
  const linkLocal = ['run', '--link-local-ip', '169.254.8.8', IMAGE, 'true'];
  await story.refuses(linkLocal, 125, '--link-local-ip is not implemented');
  assert.equal(await story.docker.ok(['ps', '-aq']), '');
});

test('a health check is recorded with a warning that it is not run', async () => {
  const result = await story.docker(['run', '--rm', '--health-cmd', 'true', IMAGE, 'true']);
  assert.equal(result.code, 0);
  assert.match(result.stderr, /Health checks are not implemented yet/);
  assert.equal((await story.docker(['run', '--rm', '--no-healthcheck', IMAGE, 'true'])).stderr, '');
});

test('the environment is that of the image, then that of the caller', async () => {
  const env = (await run('-e', 'A=1', '-e', 'EMPTY=', '-e', 'UNSET', '-h', 'box', IMAGE, 'env')).split('\n').sort();
  assert.deepEqual(env, ['A=1', 'EMPTY=', 'HOME=/root', 'HOSTNAME=box', 'PATH=/bin:/usr/bin']);
  assert.match(await run('-t', IMAGE, 'env'), /^TERM=xterm\r$/m);
});

test('a working directory that the image lacks is made', async () => {
  assert.equal(await run('-w', '/new/deep', IMAGE, 'pwd'), '/new/deep');
});

test('an entrypoint is replaced or cleared', async () => {
  assert.equal(await run('--entrypoint', 'echo', IMAGE, 'hi'), 'hi');
  assert.equal(await run('--entrypoint', '', IMAGE, 'echo', 'there'), 'there');
});

test('users and groups are looked up in the image by name or taken as numbers', async () => {
  for (const [options, expected] of [
    [[], 'uid=0(root) gid=0(root) groups=0(root)'],
    [['-u', 'app'], 'uid=1000(app) gid=1000(app) groups=29(audio),1000(app)'],
    [['-u', 'app:extra'], 'uid=1000(app) gid=2000(extra) groups=2000(extra)'],
    [['-u', '1234'], 'uid=1234 gid=0(root) groups=0(root)'],
    [['-u', '1234:55', '--group-add', 'audio', '--group-add', '77'], 'uid=1234 gid=55 groups=29(audio),55,77'],
  ] as const) {
    assert.equal(await run(...options, IMAGE, 'id'), expected);
  }
  assert.equal(await sh(['-u', 'app'], 'echo $HOME'), '/home/app');
  const refused = (text: string, ...args: readonly string[]) =>
    story.refuses(['run', '--rm', ...args, IMAGE, 'id'], 125, text);
  await refused('unable to find user nosuch: no matching entries in passwd file', '-u', 'nosuch');
  await refused('unable to find group nosuch: no matching entries in group file', '-u', '0:nosuch');
  await refused('uids and gids must be in range 0-2147483647', '-u', '5000000000');
});

test('the host name, with its domain, is known inside by both its names', async () => {
  const facts = 'hostname; cat /etc/hostname /proc/sys/kernel/domainname; grep box /etc/hosts | cut -f2';
  assert.equal(
    await sh(['-h', 'box', '--domainname', 'example.org'], facts),
    'box\nbox\nexample.org\nbox.example.org box',
  );
  assert.equal(await sh(['-h', 'box.example.org'], 'grep box /etc/hosts | cut -f2'), 'box.example.org box');
  const id = await story.docker.ok(['create', IMAGE, 'hostname']);
  assert.equal(await story.docker.ok(['start', '-a', id]), id.slice(0, 12));
  assert.equal(await run('--uts', 'host', IMAGE, 'hostname'), hostname());
});

test('a read-only root refuses writes, also to its files about the network, while tmpfs and /dev/shm take them', async () => {
  const writes = ['/x', '/etc/hosts', '/dev/shm/x', '/t/x'].map(
    (path) => `(echo > ${path}) 2>/dev/null && echo ${path}`,
  );
  assert.equal(await sh(['--read-only', '--tmpfs', '/t'], `${writes.join('; ')}; true`), '/dev/shm/x\n/t/x');
});

test('tmpfs and shm have the sizes and modes that were asked for', async () => {
  const line = (path: string) => `grep ' ${path} ' /proc/mounts | cut -d' ' -f3,4`;
  assert.match(
    await sh(['--tmpfs', '/t:size=1m,mode=700,exec'], line('/t')),
    /^tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700/,
  );
  assert.match(
    await sh(['--mount', 'type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700'], line('/t')),
    /noexec.*size=1024k,mode=700/,
  );
  assert.match(await sh(['--shm-size', '1m'], line('/dev/shm')), /size=1024k/);
  assert.match(await sh([], line('/dev/shm')), /size=65536k/);
  await story.refuses(['run', '--tmpfs', '/t:bogus=1', IMAGE, 'true'], 125, 'invalid tmpfs option ["bogus" "1"]');
});

test('--init puts a small init first, which passes exit codes on', async () => {
  assert.match(await run('--init', IMAGE, 'ps'), /1 root +\/sbin\/docker-init -- ps/);
  assert.equal((await story.docker(['run', '--rm', '--init', IMAGE, 'sh', '-c', 'exit 9'])).code, 9);
});

test('--cidfile receives the id once, and an existing one is refused', async () => {
  const path = join(tmpdir(), 'cid');
  const id = await story.docker.ok(['run', '-d', '--cidfile', path, '--label', 'a=b', IMAGE, 'true']);
  assert.equal(readFileSync(path, 'utf8'), id);
  assert.equal(
    await story.docker.ok(['inspect', '-f', '{{.Config.Labels.a}} {{.HostConfig.ContainerIDFile}}', id]),
    `b ${path}`,
  );
  await story.refuses(['run', '--cidfile', path, IMAGE, 'true'], 125, 'container ID file found');
});

test('--rm leaves no container and no directory behind, also after a start that failed', async () => {
  await run('--name', 'gone', IMAGE, 'true');
  await story.docker(['run', '--rm', '--name', 'gone', IMAGE, 'nosuch']);
  assert.equal(await story.docker.ok(['ps', '-aq']), '');
  await story.docker.ok(['create', '--name', 'gone', IMAGE, 'true']);
  const id = await story.docker.ok(['inspect', '-f', '{{.Id}}', 'gone']);
  assert.ok(existsSync(join(story.daemon.dataRoot, 'containers', id)));
  await story.docker.ok(['rm', 'gone']);
  assert.ok(!existsSync(join(story.daemon.dataRoot, 'containers', id)));
});

test('limits that make no sense are refused in the words of Docker', async () => {
  for (const [options, text] of [
    [['-m', '1k'], 'Minimum memory limit allowed is 6MB'],
    [['-m', '10m', '--memory-swap', '8m'], 'Minimum memoryswap limit should be larger than memory limit, see usage'],
    [['--cpus', '1000'], 'ange of CPUs is from 0.01 to'],
    [['--cpuset-cpus', 'bogus'], 'Invalid value bogus for cpuset cpus'],
    [['--cpus', '1', '--cpu-quota', '10000'], 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [['--restart', 'always:3'], "maximum retry count can only be used with 'on-failure'"],
    [['--cap-add', 'BOGUS'], 'CAP_BOGUS'],
    [['--security-opt', 'bogus=1'], 'invalid --security-opt'],
    [['--log-driver', 'nosuch'], 'error looking up logging plugin nosuch: plugin "nosuch" not found'],
    [['--log-opt', 'nosuch=1'], "unknown log opt 'nosuch' for json-file log driver"],
    [['--log-opt', 'max-size=abc'], "failed to initialize logging driver: invalid size: 'abc'"],
  ] as const) {
    await story.refuses(['run', ...options, IMAGE, 'true'], 125, text);
  }
});
