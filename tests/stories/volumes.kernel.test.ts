import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { startDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer, writeBusyboxArchive } from '../support/image.ts';
import type { TarEntry } from '../support/tar.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();

/** An image with content where it declares a volume. */
const SEEDED = 'seeded:test';
const SEED: readonly TarEntry[] = [
  { name: 'data/', type: 'dir', mode: 0o2750, uid: 1000, gid: 2000 },
  { name: 'data/plain', content: 'of the image\n', mode: 0o640, uid: 1000, gid: 1000, mtimeS: 1_600_000_000 },
  { name: 'data/setuid', content: 'x', mode: 0o4755, pax: { 'SCHILY.xattr.user.note': 'kept' } },
  { name: 'data/again', type: 'link', linkName: 'data/plain' },
  { name: 'data/to-passwd', type: 'symlink', linkName: '/etc/passwd' },
  { name: 'data/dir/', type: 'dir', mode: 0o1777 },
  { name: 'data/dir/fifo', type: 'fifo', mode: 0o622 },
  { name: 'data/dir/null', type: 'char', device: [1, 3], mode: 0o666 },
  { name: 'linked', type: 'symlink', linkName: '/data' },
  { name: 'outwards', type: 'symlink', linkName: '/../../../../etc' },
  { name: 'file', content: 'no directory' },
];

const directory = join(tmpdir(), 'volumes');
mkdirSync(directory);
const story = tellStory();
const docker = (...args: readonly string[]) => story.docker.ok(args);
const run = (...args: readonly string[]) => docker('run', '--rm', '--network', 'none', ...args);
const names = async () => (await docker('volume', 'ls', '-q')).split('\n').filter((name) => name !== '');
const inspectVolume = async (name: string) => JSON.parse(await docker('volume', 'inspect', name))[0];
const pathOf = (name: string) => join(story.daemon.dataRoot, 'volumes', name, '_data');
const mountsOf = async (id: string) => JSON.parse(await docker('inspect', id))[0].Mounts;
/** What the daemon sees, in its own mount namespace. */
const findmnt = (path: string) => {
  try {
    const argv = ['-t', String(story.daemon.pid), '-m', 'findmnt', '-n', '-o', 'FSTYPE,OPTIONS', '-M', path];
    return execFileSync('nsenter', argv, { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
};

test('an image that declares a volume is loaded', async () => {
  const archive = join(tmpdir(), 'seeded.tar');
  writeBusyboxArchive(archive, {
    layers: [busyboxLayer(), SEED],
    config: { Cmd: ['sh'], Env: ['PATH=/bin'], Volumes: { '/data': {} } },
    tags: [SEEDED],
  });
  await docker('load', '-i', archive);
});

test('a named volume keeps data from one container to the next', async () => {
  await docker('volume', 'create', '--label', 'of=test', 'kept');
  await run('-v', 'kept:/v', IMAGE, 'sh', '-c', 'echo data > /v/file');
  assert.equal(await run('-v', 'kept:/v:ro', IMAGE, 'cat', '/v/file'), 'data');
  assert.equal(readFileSync(join(pathOf('kept'), 'file'), 'utf8'), 'data\n');
  const { Name, Driver, Mountpoint, Labels, Options, Scope } = await inspectVolume('kept');
  assert.deepEqual(
    [Name, Driver, Mountpoint, Labels, Options, Scope],
    ['kept', 'local', pathOf('kept'), { of: 'test' }, null, 'local'],
  );
  await story.refuses(['run', '--rm', '-v', 'kept:/v:ro', IMAGE, 'touch', '/v/x'], 1, 'Read-only file system');
  await docker('volume', 'rm', 'kept');
  assert.ok(!existsSync(join(story.daemon.dataRoot, 'volumes', 'kept')));
});

test('a volume that a container refers to cannot be removed, also when that does not run', async () => {
  const id = await docker('create', '-v', 'used:/v', IMAGE);
  await story.refuses(['volume', 'rm', 'used'], 1, `remove used: volume is in use - [${id}]`);
  assert.equal(await docker('ps', '-aq', '--no-trunc', '--filter', 'volume=used'), id);
  await docker('rm', id);
  await docker('volume', 'rm', 'used');
  await story.refuses(['volume', 'rm', 'used'], 1, 'get used: no such volume');
  await docker('volume', 'rm', '-f', 'used');
});

test('names, drivers and options that cannot be are refused in the words of Docker', async () => {
  for (const [name, text] of [
    ['a', 'create a: volume name is too short, names should be at least two alphanumeric characters'],
    ['../up', 'create ../up: "../up" includes invalid characters for a local volume name'],
    [
      'a/b',
      'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    ['.hidden', '".hidden" includes invalid characters'],
  ] as const) {
    await story.refuses(['volume', 'create', name], 1, text);
  }
  await story.refuses(
    ['run', '-v', 'x!y:/x', IMAGE, 'true'],
    125,
    'includes invalid characters for a local volume name',
  );
  await story.refuses(['volume', 'create', '-d', 'nope', 'xx'], 1, 'error looking up volume plugin nope');
  await story.refuses(['volume', 'create', '-o', 'nope=1', 'xx'], 1, 'create xx: invalid option: "nope"');
  await story.refuses(['volume', 'create', '-o', 'type=tmpfs', 'xx'], 1, 'missing required option: "device"');
  await story.refuses(['volume', 'create', '-o', 'size=1g', 'xx'], 1, 'quota size requested but no quota support');
  assert.deepEqual(readdirSync(join(story.daemon.dataRoot, 'volumes')), []);
});

test('creating a volume again gives the same one; with other options it is a conflict', async () => {
  const options = ['-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m'];
  await docker('volume', 'create', ...options, 'again');
  assert.equal(await docker('volume', 'create', ...options, 'again'), 'again');
  assert.equal(await docker('volume', 'create', 'again'), 'again');
  const other = ['-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=2m'];
  await story.refuses(['volume', 'create', ...other, 'again'], 1, 'volume name must be unique');
  await docker('volume', 'rm', 'again');
});

test('what the image has at its place is copied into an empty volume, as it is', async () => {
  await docker('create', '--name', 'seed', '-v', 'copied:/data', SEEDED);
  const root = pathOf('copied');
  const stat = (name: string) =>
    execFileSync('stat', ['-c', '%F %a %u:%g %h', join(root, name)], { encoding: 'utf8' }).trim();
  assert.equal(stat('.'), 'directory 2750 1000:2000 3');
  assert.equal(stat('plain'), 'regular file 640 1000:1000 2');
  assert.equal(lstatSync(join(root, 'plain')).ino, lstatSync(join(root, 'again')).ino);
  assert.equal(statSync(join(root, 'plain')).mtimeMs, 1_600_000_000_000);
  assert.equal(stat('setuid'), 'regular file 4755 0:0 1');
  assert.equal(stat('to-passwd'), 'symbolic link 777 0:0 1');
  assert.equal(stat('dir'), 'directory 1777 0:0 2');
  assert.equal(stat('dir/fifo'), 'fifo 622 0:0 1');
  assert.equal(stat('dir/null'), 'character special file 666 0:0 1');
  const xattrs = execFileSync('python3', [
    '-c',
    `import os; print(os.getxattr(${JSON.stringify(join(root, 'setuid'))}, 'user.note').decode())`,
  ]);
  assert.equal(String(xattrs).trim(), 'kept');
  assert.equal(await run('--volumes-from', 'seed', IMAGE, 'cat', '/data/again'), 'of the image');
});

test('nothing is copied with nocopy, nor into a volume that holds something', async () => {
  assert.equal(await run('-v', 'bare:/data:nocopy', SEEDED, 'ls', '/data'), '');
  const option = 'type=volume,source=bare,target=/data,volume-nocopy';
  assert.equal(await run('--mount', option, SEEDED, 'ls', '/data'), '');
  writeFileSync(join(pathOf('bare'), 'mine'), '');
  assert.equal(await run('-v', 'bare:/data', SEEDED, 'ls', '/data'), 'mine');
  await docker('volume', 'rm', 'bare');
});

test('links of the image lead nowhere outside its root when content is copied', async () => {
  assert.equal(await run('-v', 'through:/linked', SEEDED, 'cat', '/linked/plain'), 'of the image');
  await docker('volume', 'create', 'etc');
  await run('-v', 'etc:/outwards', SEEDED, 'true');
  assert.ok(readdirSync(pathOf('etc')).includes('hello'), 'the /etc of the image, not of the host');
  assert.ok(!readdirSync(pathOf('etc')).includes('shadow'));
  await story.refuses(['create', '-v', 'over:/file', SEEDED], 1, 'cannot mount volume over existing file');
});

test('anonymous volumes go with --rm and rm -v, stay with rm, and named ones always stay', async () => {
  const before = await names();
  await run('-v', '/anon', '-v', 'stays:/v', SEEDED, 'true');
  assert.deepEqual(await names(), [...before, 'stays'].sort());
  const id = await docker('create', '-v', '/anon', '-v', 'stays:/v', SEEDED);
  const anonymous = (await mountsOf(id)).filter(({ Name }: { Name: string }) => Name !== 'stays');
  assert.deepEqual(anonymous.map(({ Destination }: { Destination: string }) => Destination).sort(), ['/anon', '/data']);
  for (const { Name } of anonymous) {
    assert.match(Name, /^[0-9a-f]{64}$/);
    assert.deepEqual((await inspectVolume(Name)).Labels, { 'com.docker.volume.anonymous': '' });
  }
  await docker('rm', '-v', id);
  assert.deepEqual(await names(), [...before, 'stays'].sort());
  await docker('rm', await docker('create', '-v', '/anon', SEEDED));
  assert.equal((await names()).length, before.length + 3);
  await docker('volume', 'prune', '-f');
  assert.deepEqual(await names(), [...before, 'stays'].sort());
  await docker('volume', 'rm', 'stays');
});

test('a volume shared by --volumes-from outlives the removal of one of its containers', async () => {
  const source = join(directory, 'bound');
  mkdirSync(source);
  writeFileSync(join(source, 'file'), 'of the host\n');
  const binds = ['-v', '/shared', '-v', `${source}:/bound`, '--mount', 'type=tmpfs,target=/scratch'];
  const first = await docker('create', ...binds, IMAGE);
  const second = await docker(
    'create',
    '--network',
    'none',
    '--volumes-from',
    `${first}:ro`,
    IMAGE,
    'sh',
    '-c',
    'ls /bound; touch /shared/x; touch /bound/x',
  );
  const { stdout, stderr } = await story.docker(['start', '-a', second]);
  assert.equal(stdout, 'file\n');
  assert.equal(stderr.match(/Read-only file system/g)?.length, 2);
  const [inspected] = JSON.parse(await docker('inspect', second));
  assert.deepEqual(inspected.HostConfig.VolumesFrom, [`${first}:ro`]);
  assert.equal(inspected.HostConfig.Binds, null);
  assert.deepEqual(
    inspected.Mounts.map((mount: { Destination: string; RW: boolean }) => [mount.Destination, mount.RW]).sort(),
    [
      ['/bound', false],
      ['/scratch', false],
      ['/shared', false],
    ],
  );
  const before = await names();
  await docker('rm', '-v', first);
  assert.deepEqual(await names(), before);
  await docker('rm', '-v', second);
  assert.equal((await names()).length, before.length - 1);
  await story.refuses(['run', '--rm', '--volumes-from', 'nobody', IMAGE, 'true'], 125, 'No such container: nobody');
});

test('a tmpfs is mounted while a container uses the volume, and gone after the last', async () => {
  await docker('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m,uid=1000', 'memory');
  const sleeper = ['run', '-d', '--network', 'none', '-v', 'memory:/m', IMAGE, 'sleep', '1000'];
  const [one, two] = [await docker(...sleeper), await docker(...sleeper)];
  assert.match(findmnt(pathOf('memory')), /^tmpfs .*size=1024k.*uid=1000/);
  await docker('exec', one, 'sh', '-c', 'echo seen > /m/file');
  assert.equal(await docker('exec', two, 'cat', '/m/file'), 'seen');
  await docker('rm', '-f', one);
  assert.match(findmnt(pathOf('memory')), /^tmpfs/);
  await docker('rm', '-f', two);
  assert.equal(findmnt(pathOf('memory')), '');
  await docker('volume', 'rm', 'memory');
});

test('a volume can be a directory of the host; removing it leaves that directory alone', async () => {
  const device = join(directory, 'device');
  mkdirSync(device);
  writeFileSync(join(device, 'precious'), 'data');
  await docker('volume', 'create', '-o', 'type=none', '-o', `device=${device}`, '-o', 'o=bind', 'host');
  assert.equal(await run('-v', 'host:/h', IMAGE, 'sh', '-c', 'touch /h/new; ls /h'), 'new\nprecious');
  await docker('run', '-d', '--name', 'holder', '--network', 'none', '-v', 'host:/h', IMAGE, 'sleep', '1000');
  await docker('rm', '-f', 'holder');
  await docker('volume', 'rm', 'host');
  assert.deepEqual(readdirSync(device).sort(), ['new', 'precious']);
});

test('what cannot be mounted is said with what was tried, and nothing stays', async () => {
  await docker('volume', 'create', '-o', 'type=none', '-o', 'device=/no/such', '-o', 'o=bind', 'gone');
  const text = `error while mounting volume '${pathOf('gone')}': failed to mount local volume: mount /no/such:${pathOf('gone')}, flags: 0x1000: no such file or directory`;
  await story.refuses(['run', '--rm', '-v', 'gone:/x', IMAGE, 'true'], 127, text);
  const nfs = ['-o', 'type=nfs', '-o', 'device=:/export', '-o', 'o=addr=localhost,password=secret'];
  await docker('volume', 'create', ...nfs, 'remote');
  await story.refuses(
    ['run', '--rm', '-v', 'remote:/x', IMAGE, 'true'],
    125,
    /failed to mount local volume: mount :\/export:.*_data, data: addr=(127\.0\.0\.1|::1),password=\*{8}: /,
  );
  assert.equal(await docker('ps', '-aq'), '');
  await docker('volume', 'rm', 'gone', 'remote');
});

test('a part of a volume is shown, a file too, and links in it cannot lead out', async () => {
  await docker('volume', 'create', 'parts');
  const root = pathOf('parts');
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/file'), 'deep\n');
  symlinkSync('a/b', join(root, 'inside'));
  symlinkSync('/etc', join(root, 'absolute'));
  symlinkSync('../../../..', join(root, 'up'));
  const part = (subpath: string, ...more: readonly string[]) =>
    ['--mount', ['type=volume', 'source=parts', 'target=/p', `volume-subpath=${subpath}`, ...more].join(',')] as const;
  assert.equal(await run(...part('a/b'), IMAGE, 'cat', '/p/file'), 'deep');
  assert.equal(await run(...part('inside'), IMAGE, 'cat', '/p/file'), 'deep');
  assert.equal(await run(...part('a/b/file'), IMAGE, 'cat', '/p'), 'deep');
  await story.refuses(['run', '--rm', ...part('a', 'readonly'), IMAGE, 'touch', '/p/x'], 1, 'Read-only file system');
  await story.refuses(['run', '--rm', ...part('missing'), IMAGE, 'true'], 127, 'cannot access path');
  await story.refuses(['run', '--rm', ...part('absolute'), IMAGE, 'true'], 125, 'escapes the base');
  await story.refuses(['run', '--rm', ...part('up'), IMAGE, 'true'], 125, 'escapes the base');
  await story.refuses(
    ['run', '--rm', ...part('../x'), IMAGE, 'true'],
    125,
    'subpath must be a relative path within the volume',
  );
  await docker('run', '-d', '--name', 'partial', '--network', 'none', ...part('a'), IMAGE, 'sleep', '1000');
  const id = await docker('inspect', '-f', '{{.Id}}', 'partial');
  assert.notEqual(findmnt(join(story.daemon.dataRoot, 'containers', id, 'mounts', '0')), '');
  await docker('rm', '-f', 'partial');
  assert.equal(findmnt(join(story.daemon.dataRoot, 'containers', id, 'mounts', '0')), '');
  await docker('volume', 'rm', 'parts');
});

test('an image is mounted, whole or in part, read-only, and is in use meanwhile', async () => {
  const whole = ['--mount', `type=image,source=${SEEDED},target=/i`];
  assert.equal(await run(...whole, IMAGE, 'cat', '/i/data/plain'), 'of the image');
  await story.refuses(['run', '--rm', ...whole, IMAGE, 'touch', '/i/x'], 1, 'Read-only file system');
  const part = ['--mount', `type=image,source=${SEEDED},target=/i,image-subpath=data`];
  assert.equal(await run(...part, IMAGE, 'cat', '/i/plain'), 'of the image');
  await story.refuses(
    ['run', '--rm', '--mount', 'type=image,source=nope,target=/i', IMAGE, 'true'],
    125,
    'No such image: nope:latest',
  );
  const id = await docker('run', '-d', '--network', 'none', ...whole, IMAGE, 'sleep', '1000');
  await story.refuses(['rmi', SEEDED], 1, `container ${id.slice(0, 12)} is using its referenced image`);
  assert.deepEqual(
    (await mountsOf(id)).map(({ Type, Source, Destination, RW }: Record<string, unknown>) => [
      Type,
      Source,
      Destination,
      RW,
    ]),
    [['image', SEEDED, '/i', false]],
  );
});

test('read-only goes down to what is mounted below, unless it is asked not to', async () => {
  const source = join(directory, 'deep');
  mkdirSync(join(source, 'below'), { recursive: true });
  execFileSync('nsenter', [
    '-t',
    String(story.daemon.pid),
    '-m',
    'mount',
    '-t',
    'tmpfs',
    'tmpfs',
    join(source, 'below'),
  ]);
  const touch = ['sh', '-c', 'touch /m/x 2>/dev/null || echo top; touch /m/below/x 2>/dev/null || echo below'];
  const mount = (more: string) => ['--mount', `type=bind,source=${source},target=/m,readonly${more}`];
  assert.equal(await run('-v', `${source}:/m:ro`, IMAGE, ...touch), 'top\nbelow');
  assert.equal(await run(...mount(''), IMAGE, ...touch), 'top\nbelow');
  assert.equal(
    await run(...mount(',bind-recursive=readonly,bind-propagation=rprivate'), IMAGE, ...touch),
    'top\nbelow',
  );
  assert.equal(await run(...mount(',bind-recursive=writable'), IMAGE, ...touch), 'top');
  assert.equal(await run(...mount(',bind-recursive=disabled'), IMAGE, 'ls', '/m/below'), '');
});

test('volumes are listed by name, label, driver and whether anything refers to them', async () => {
  await docker('volume', 'create', '--label', 'team=a', 'one');
  await docker('volume', 'create', '--label', 'team=b', 'two');
  await docker('create', '-v', 'two:/v', IMAGE);
  const list = async (...filters: readonly string[]) =>
    (await docker('volume', 'ls', '-q', ...filters.flatMap((filter) => ['--filter', filter]))).split('\n');
  assert.deepEqual(await list('name=tw'), ['two']);
  assert.deepEqual(await list('label=team=a'), ['one']);
  assert.deepEqual(await list('label=team', 'dangling=false'), ['two']);
  assert.deepEqual(await list('driver=local', 'label=team', 'dangling=true'), ['one']);
  await story.refuses(['volume', 'ls', '--filter', 'bogus=1'], 1, "invalid filter 'bogus'");
  await story.refuses(['volume', 'ls', '--filter', 'dangling=maybe'], 1, "invalid filter 'dangling=[maybe]'");
});

test('prune takes what nothing refers to: anonymous ones, with -a the named too, and says what came free', async () => {
  await docker('volume', 'create');
  writeFileSync(join(pathOf('one'), 'filler'), Buffer.alloc(100_000));
  assert.match(await docker('volume', 'prune', '-f'), /Total reclaimed space: 0B/);
  assert.ok((await names()).includes('one'));
  assert.match(await docker('volume', 'prune', '-af', '--filter', 'label=team=a'), /one[\s\S]*100kB/);
  assert.ok(!(await names()).includes('one'));
  await docker('volume', 'prune', '-af');
});

test('the life of a volume is told by events', async () => {
  const since = String(Date.now() / 1000);
  await run('-v', 'told:/v:ro', IMAGE, 'true');
  await docker('volume', 'rm', 'told');
  const until = String(Date.now() / 1000 + 0.1);
  const lines = await docker(
    'events',
    '--since',
    since,
    '--until',
    until,
    '--filter',
    'type=volume',
    '--format',
    '{{json .}}',
  );
  const events = lines.split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ Action }) => Action),
    ['create', 'mount', 'unmount', 'destroy'],
  );
  const [, mount] = events;
  assert.equal(mount.Actor.ID, 'told');
  assert.deepEqual(
    { ...mount.Actor.Attributes, container: '' },
    { container: '', destination: '/v', driver: 'local', propagation: '', 'read/write': 'false' },
  );
});

test('inspect tells volumes as they were asked for', async () => {
  const option =
    'type=volume,source=asked,target=/b,readonly,volume-nocopy,volume-label=x=y,volume-opt=type=tmpfs,volume-opt=device=tmpfs';
  const id = await docker('create', '-v', 'plain:/a:ro', '-v', '/c', '--mount', option, IMAGE);
  const [{ HostConfig, Config, Mounts }] = JSON.parse(await docker('inspect', id));
  assert.deepEqual(HostConfig.Binds, ['plain:/a:ro']);
  assert.deepEqual(Config.Volumes, { '/c': {} });
  const [{ Type, Source, Target, ReadOnly, VolumeOptions }] = HostConfig.Mounts;
  assert.deepEqual([Type, Source, Target, ReadOnly], ['volume', 'asked', '/b', true]);
  assert.deepEqual(VolumeOptions.Labels, { x: 'y' });
  assert.deepEqual(VolumeOptions.DriverConfig.Options, { type: 'tmpfs', device: 'tmpfs' });
  assert.equal(VolumeOptions.NoCopy, true);
  const plain = Mounts.find((mount: { Destination: string }) => mount.Destination === '/a');
  assert.deepEqual(plain, {
    Type: 'volume',
    Name: 'plain',
    Source: pathOf('plain'),
    Destination: '/a',
    Driver: 'local',
    Mode: 'ro',
    RW: false,
    Propagation: '',
  });
  assert.deepEqual((await inspectVolume('asked')).Options, { type: 'tmpfs', device: 'tmpfs' });
  await story.refuses(['create', '-v', 'one:/x', '-v', 'two:/x', IMAGE], 1, 'Duplicate mount point: /x');
});

test('mounts of volumes outlive a daemon that is killed, and those of containers that ended meanwhile do not', async (context) => {
  const daemon = await startDaemon(context, { args: ['--bridge', 'second0'] });
  const before = daemon.client(story.docker.client);
  await before.ok(['load', '-qi', join(tmpdir(), 'busybox.tar')]);
  const options = ['-o', 'type=tmpfs', '-o', 'device=tmpfs'];
  const start = async (name: string, command: string) => {
    await before.ok(['volume', 'create', ...options, name]);
    const flags = ['-d', '--name', name, '--network', 'none', '-v', `${name}:/v`];
    await before.ok(['run', ...flags, IMAGE, 'sh', '-c', `${command}; sleep 1000`]);
  };
  await start('lives', 'echo 1 > /v/f');
  await start('ends', 'true');
  await eventually(async () => (await before(['exec', 'lives', 'cat', '/v/f'])).stdout, '1\n');
  const pid = Number(await before.ok(['inspect', '-f', '{{.State.Pid}}', 'ends']));
  await daemon.kill9();
  process.kill(pid, 'SIGKILL');
  const next = await daemon.again();
  const isMounted = async (name: string) => {
    const path = join(next.dataRoot, 'volumes', name, '_data');
    const { code } = await runCommand(['nsenter', '-t', String(next.pid), '-m', 'findmnt', '-n', '-M', path]);
    return code === 0;
  };
  await eventually(() => isMounted('ends'), false);
  assert.equal(await isMounted('lives'), true);
  const after = next.client(story.docker.client);
  assert.equal(await after.ok(['exec', 'lives', 'cat', '/v/f']), '1');
  await after.ok(['rm', '-f', 'lives', 'ends']);
  assert.equal(await isMounted('lives'), false);
});
