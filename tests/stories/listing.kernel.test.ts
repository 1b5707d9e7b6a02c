import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const names = async (...args: readonly string[]) =>
  (await ok('ps', '--format', '{{.Names}}', ...args)).split('\n').join(' ');

async function makeThree(): Promise<void> {
  await ok('run', '-d', '--name', 'up', '--label', 'a=b', '--label', 'c', '--expose', '80', IMAGE, 'sleep', '100');
  await story.docker(['run', '--name', 'ended', '--label', 'a=x', IMAGE, 'sh', '-c', 'exit 3']);
  await ok('create', '--name', 'made', '--network', 'none', IMAGE, 'true');
}

test('ps shows what runs, or all, or the last', async () => {
  await makeThree();
  assert.equal(await names(), 'up');
  assert.equal(await names('-a'), 'made ended up');
  assert.equal(await names('-l'), 'made');
  assert.equal(await names('-n', '2'), 'made ended');
  assert.match(await ok('ps', '-aq', '--no-trunc'), /^([0-9a-f]{64}\n?){3}$/);
});

test('ps filters by everything that Docker filters by', async () => {
  await makeThree();
  const id = await ok('inspect', '-f', '{{.Id}}', 'up');
  for (const [filter, expected] of [
    ['label=a', 'ended up'],
    ['label=a=b', 'up'],
    ['exited=3', 'ended'],
    ['status=created', 'made'],
    [`ancestor=${IMAGE}`, 'made ended up'],
    ['ancestor=nosuch', ''],
    ['before=ended', 'up'],
    ['since=ended', 'made'],
    ['name=^/up$', 'up'],
    ['name=d', 'made ended'],
    [`id=${id.slice(0, 10)}`, 'up'],
    ['network=none', 'made'],
    ['network=bridge', 'ended up'],
    ['expose=80', 'up'],
    ['publish=80', ''],
    ['volume=/x', ''],
    ['health=none', 'made ended up'],
    ['is-task=true', ''],
  ] as const) {
    assert.equal(await names('-a', '--filter', filter), expected, filter);
  }
  assert.equal(await names('-a', '--filter', 'status=exited', '--filter', 'status=created'), 'made ended');
  for (const filter of [
    'status=bogus',
    'exited=x',
    'health=bogus',
    'is-task=x',
    'bogus=1',
    'since=nosuch',
    'publish=x',
  ]) {
    await story.refuses(['ps', '--filter', filter], 1, 'Error response from daemon');
  }
});

test('ps prints its columns as templates and JSON, sizes too', async () => {
  await makeThree();
  const format = '{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Networks}}|{{.Ports}}|{{.Labels}}|{{.LocalVolumes}}';
  assert.equal(await ok('ps', '--format', format), `up|${IMAGE}|"sleep 100"|running|bridge|80/tcp|a=b,c=|0`);
  assert.match(await ok('ps', '-a', '--format', '{{.Status}}'), /^Created\nExited \(3\) .* ago\nUp .*$/);
  await ok('exec', 'up', 'sh', '-c', 'head -c 100000 /dev/zero > /big');
  assert.match(await ok('ps', '-s', '--format', '{{.Size}}'), /^1\d\dkB \(virtual \d/);
  assert.match(
    await ok('ps'),
    /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n[0-9a-f]{12} +busybox:test /,
  );
});

test('inspect tells state, settings, network and, on request, sizes', async () => {
  await makeThree();
  const [up] = JSON.parse(await ok('inspect', '--size', 'up'));
  assert.deepEqual(
    [up.Name, up.State.Status, up.State.Running, up.State.ExitCode, up.Config.Cmd, up.Config.Image, up.RestartCount],
    ['/up', 'running', true, 0, ['sleep', '100'], IMAGE, 0],
  );
  assert.ok(up.State.Pid > 0 && up.SizeRootFs > up.SizeRw);
  assert.equal(up.HostConfig.NetworkMode, 'bridge');
  assert.match(up.NetworkSettings.Networks.bridge.IPAddress, /^172\.17\./);
  assert.match(up.Created, /^20\d\d-.*Z$/);
  assert.match(await ok('inspect', '-f', '{{json .State}}', 'ended'), /"Status":"exited".*"ExitCode":3/);
  await story.refuses(['inspect', '-f', '{{.Nosuch}}', 'up'], 1, 'emplate');
});

test('top lists the processes, stats counts them without the monitor of the engine', async () => {
  await ok(
    'run',
    '-d',
    '--name',
    'busy',
    IMAGE,
    'sh',
    '-c',
    'sleep 100 & while :; do ping -c 1 -W 1 172.17.0.1 >/dev/null; sleep 0.1; done',
  );
  assert.match(await ok('top', 'busy'), /^UID +PID +PPID[^\n]*CMD\n(.*\n)*.*sleep 100/);
  assert.match(await ok('top', 'busy', '-o', 'pid,comm'), /^PID +COMMAND\n/);
  await ok('run', '-d', '--name', 'one', IMAGE, 'sleep', '100');
  assert.equal(await ok('stats', '--no-stream', '--format', '{{.PIDs}} {{.Name}}', 'one'), '1 one');
  await story.refuses(['top', 'nosuch'], 1, 'No such container: nosuch');
  const received = async () => {
    const { body } = await story.daemon.api('GET', '/containers/busy/stats?stream=0&one-shot=1');
    return (body as { networks: { eth0: { rx_bytes: number } } }).networks.eth0.rx_bytes;
  };
  const before = await received();
  await eventually(async () => (await received()) > before, true);
});

test('events tell what happened, filtered by what and where, for the past and for now', async () => {
  const since = (Date.now() / 1000).toFixed(3);
  await ok('run', '--name', 'seen', '--label', 'q=r', IMAGE, 'true');
  await ok('rm', 'seen');
  await ok('tag', IMAGE, 'other:tag');
  await ok('rmi', 'other:tag');
  const until = (Date.now() / 1000).toFixed(3);
  const events = async (...args: readonly string[]) =>
    (await ok('events', '--since', since, '--until', until, '--format', '{{.Action}}', ...args)).split('\n').join(' ');
  assert.equal(await events('--filter', 'container=seen'), 'create attach start die destroy');
  assert.equal(await events('--filter', 'label=q=r', '--filter', 'event=die'), 'die');
  assert.equal(await events('--filter', 'type=network'), 'connect disconnect');
  assert.equal(await events('--filter', 'type=image'), 'tag untag');
  assert.equal(await events('--filter', 'image=nosuch'), '');
  const die = await ok(
    'events',
    '--since',
    since,
    '--until',
    until,
    '--filter',
    'event=die',
    '--format',
    '{{json .Actor.Attributes}}',
  );
  assert.deepEqual(JSON.parse(die), { execDuration: '0', exitCode: '0', image: IMAGE, name: 'seen', q: 'r' });
});

test('version and info describe the engine and its host', async () => {
  assert.match(
    await ok('version', '--format', '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}'),
    /^1\.51 1\.24 linux$/,
  );
  await ok('run', '-d', '--name', 'counted', IMAGE, 'sleep', '100');
  const info = JSON.parse(await ok('info', '--format', '{{json .}}'));
  assert.deepEqual([info.Containers, info.ContainersRunning, info.Images, info.OSType], [1, 1, 1, 'linux']);
  assert.equal(info.DockerRootDir, story.daemon.dataRoot);
  assert.ok(info.NCPU > 0 && info.MemTotal > 0);
  assert.match(await ok('info'), /Storage Driver: /);
});
