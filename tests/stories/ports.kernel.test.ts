import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const SERVE = 'echo hi > /index.html; exec httpd -f -h /';
const serve = (name: string, ...options: readonly string[]) =>
  ok('run', '-d', '--name', name, ...options, IMAGE, 'sh', '-c', SERVE);
const get = async (...args: readonly string[]): Promise<string> =>
  (await runCommand(['curl', '-s', '-m', '3', ...args])).stdout.trim();
const answers = (...args: readonly string[]) => eventually(() => get(...args), 'hi');
const portsOf = async (name: string): Promise<Record<string, { HostIp: string; HostPort: string }[] | null>> =>
  JSON.parse(await ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', name));

test('ports are published in all their forms, and shown by ps, port and inspect', async () => {
  const options = [
    '-p',
    '8080:80',
    '-p',
    '127.0.0.1:8081:80',
    '-p',
    '[::1]:8082:80',
    '-p',
    '9000:9/udp',
    '--expose',
    '7',
  ];
  await serve('web', ...options);
  await answers('http://127.0.0.1:8080');
  await answers('http://[::1]:8080');
  await answers('http://127.0.0.1:8081');
  await answers('http://[::1]:8082');
  assert.equal(
    await ok('ps', '--format', '{{.Ports}}'),
    '7/tcp, 0.0.0.0:9000->9/udp, [::]:9000->9/udp, 0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp, [::]:8080->80/tcp, [::1]:8082->80/tcp',
  );
  assert.equal((await ok('port', 'web', '80/tcp')).split('\n').length, 4);
  const ports = await portsOf('web');
  assert.deepEqual(ports['9/udp'], [
    { HostIp: '0.0.0.0', HostPort: '9000' },
    { HostIp: '::', HostPort: '9000' },
  ]);
  assert.equal(ports['7/tcp'], null);
  assert.deepEqual(JSON.parse(await ok('inspect', '-f', '{{json .HostConfig.PortBindings}}', 'web')), {
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '127.0.0.1', HostPort: '8081' },
      { HostIp: '::1', HostPort: '8082' },
    ],
    '9/udp': [{ HostIp: '', HostPort: '9000' }],
  });
  assert.equal(await ok('ps', '-qf', 'publish=8080'), await ok('ps', '-q'));
  assert.equal(await ok('ps', '-qf', 'publish=80'), '');
  assert.equal(await ok('ps', '-qf', 'publish=8999-9001/udp'), await ok('ps', '-q'));
  assert.equal(await ok('ps', '-qf', 'expose=7'), await ok('ps', '-q'));
  await ok('stop', '-t', '0', 'web');
  assert.deepEqual(await portsOf('web'), {});
  assert.equal(await get('http://127.0.0.1:8080'), '');
  await ok('start', 'web');
  await answers('http://127.0.0.1:8080');
});

test('ports that are left open are chosen: any, one of a range, and all that are exposed', async () => {
  await serve('any', '-p', '80');
  const [any] = (await portsOf('any'))['80/tcp'] ?? [];
  await answers(`http://127.0.0.1:${any?.HostPort}`);
  await serve('first', '-p', '8090-8091:80');
  await serve('second', '-p', '8090-8091:80');
  await answers('http://127.0.0.1:8090');
  await answers('http://127.0.0.1:8091');
  await story.refuses(
    ['run', '-p', '8090-8091:80', IMAGE, 'true'],
    125,
    /port is already allocated|all ports are allocated/,
  );
  await serve('all', '-P', '--expose', '80', '--expose', '81/udp');
  const ports = await portsOf('all');
  assert.deepEqual(Object.keys(ports).sort(), ['80/tcp', '81/udp']);
  await answers(`http://127.0.0.1:${ports['80/tcp']?.[0]?.HostPort}`);
});

test('a port in use is told before anything is made, and the container starts once it is free', async (t) => {
  const listener = createServer().listen(8095, '0.0.0.0');
  t.after(() => listener.close());
  await new Promise((resolve) => listener.once('listening', resolve));
  const refused =
    'failed to set up container networking: driver failed programming external connectivity on endpoint web (';
  await story.refuses(['run', '-d', '--name', 'web', '-p', '8095:80', IMAGE, 'sh', '-c', SERVE], 125, refused);
  assert.equal(await ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'web'), 'created 128');
  await new Promise((resolve) => listener.close(resolve));
  await ok('start', 'web');
  await answers('http://127.0.0.1:8095');
  await story.refuses(
    ['run', '--name', 'late', '-p', '8095:80', IMAGE, 'true'],
    125,
    /Bind for 0\.0\.0\.0:8095 failed: port is already allocated/,
  );
  await ok('rm', '-f', 'web');
  await ok('start', 'late');
});

test('of those who want one port at once, exactly one has it, and the others take it when that is gone', async () => {
  const names = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'];
  const runs = names.map((name) =>
    story.docker(['run', '-d', '--name', name, '-p', '8097:80', IMAGE, 'sleep', '1000']),
  );
  const codes = (await Promise.all(runs)).map(({ code }) => code);
  assert.deepEqual(codes.toSorted(), [0, 125, 125, 125, 125, 125, 125, 125]);
  const winner = names[codes.indexOf(0)] ?? '';
  assert.equal(await ok('ps', '--format', '{{.Names}}', '-f', 'publish=8097'), winner);
  await ok('rm', '-f', winner);
  await ok('start', names.find((name) => name !== winner) ?? '');
});

test('ports come and go while the container runs', async () => {
  await serve('web', '-p', '8100:80');
  const update = (body: object) => story.daemon.api('POST', '/containers/web/update', body);
  const bindings = { '80/tcp': [{ HostIp: '', HostPort: '8101' }] };
  assert.equal((await update({ PortBindings: bindings })).status, 200);
  await answers('http://127.0.0.1:8101');
  assert.equal(await get('http://127.0.0.1:8100'), '');
  await serve('other', '-p', '8100:80');
  const conflict = await update({ PortBindings: { '80/tcp': [{ HostPort: '8100' }] } });
  assert.equal(conflict.status, 409);
  assert.match(conflict.text, /port is already allocated/);
  await answers('http://127.0.0.1:8101');
  await ok('restart', '-t', '0', 'web');
  await answers('http://127.0.0.1:8101');
  assert.equal((await update({ PortBindings: {} })).status, 200);
  assert.equal(await get('http://127.0.0.1:8101'), '');
  assert.equal((await update({ Memory: 100_000_000 })).status, 501);
});

test('a port follows when the container leaves its network for another', async () => {
  await ok('network', 'create', 'two');
  await serve('web', '-p', '8105:80');
  await answers('http://127.0.0.1:8105');
  await ok('network', 'connect', 'two', 'web');
  await ok('network', 'disconnect', 'bridge', 'web');
  await answers('http://127.0.0.1:8105');
  await ok('network', 'disconnect', 'two', 'web');
  assert.equal(await get('http://127.0.0.1:8105'), '');
  await ok('network', 'connect', 'two', 'web');
  await answers('http://127.0.0.1:8105');
  await ok('rm', '-f', 'web');
  await ok('network', 'rm', 'two');
});

test('a port is a unix socket of the host where a path is given', async () => {
  const path = `${story.daemon.execRoot}/web.sock`;
  const body = {
    Image: IMAGE,
    Cmd: ['sh', '-c', SERVE],
    HostConfig: { PortBindings: { '80/tcp': [{ HostIp: path }] } },
  };
  assert.equal((await story.daemon.api('POST', '/containers/create?name=web', body)).status, 201);
  await ok('start', 'web');
  await answers('--unix-socket', path, 'http://web/');
  await ok('rm', '-f', 'web');
  assert.equal(await get('--unix-socket', path, 'http://web/'), '');
});

test('a container that is started again by its policy has its ports again', async () => {
  await ok('run', '-d', '--name', 'web', '--restart', 'always', '-p', '8110:80', IMAGE, 'sh', '-c', SERVE);
  await answers('http://127.0.0.1:8110');
  await ok('kill', '-s', 'KILL', 'web').catch(() => {});
  await ok('start', 'web');
  await answers('http://127.0.0.1:8110');
});

test('ports are open again after the daemon was killed, and close with the container', async () => {
  await serve('web', '-p', '8120:80', '-p', '80');
  const before = await portsOf('web');
  await story.killDaemon();
  await answers('http://127.0.0.1:8120');
  assert.deepEqual(await portsOf('web'), before);
  await story.refuses(['run', '--name', 'late', '-p', '8120:80', IMAGE, 'true'], 125, 'port is already allocated');
  await ok('rm', '-f', 'web');
  assert.equal(await get('http://127.0.0.1:8120'), '');
  const { stdout } = await runCommand(['nft', 'list', 'ruleset']);
  assert.doesNotMatch(stdout, /8120/);
});

test('ports mean nothing in the network of another, and are discarded in that of the host', async () => {
  await serve('web');
  const joined = ['run', '--network', 'container:web', IMAGE, 'true'];
  await story.refuses(
    [...joined.slice(0, 1), '-p', '1:1', ...joined.slice(1)],
    125,
    'conflicting options: port publishing',
  );
  const { stderr } = await story.docker(['run', '--rm', '--network', 'host', '-p', '8130:80', IMAGE, 'true']);
  assert.match(stderr, /Published ports are discarded when using host network mode/);
  await story.refuses(['run', '-p', '99999:80', IMAGE, 'true'], 125, /99999/);
});

test('a container off all networks exposes nothing', async () => {
  await serve('web', '--expose', '80');
  assert.deepEqual(await portsOf('web'), { '80/tcp': null });
  await ok('network', 'disconnect', 'bridge', 'web');
  assert.deepEqual(await portsOf('web'), {});
  assert.equal(await ok('ps', '--format', '{{.Ports}}'), '');
});
