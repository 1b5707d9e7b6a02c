import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { exitOf } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const inspect = (name: string, format: string) => ok('inspect', '-f', format, name);
const startSleeper = (name: string, ...options: readonly string[]) =>
  ok('run', '-d', '--name', name, ...options, IMAGE, 'sleep', '100');
/** Says when it is ready, so that no signal comes before its trap is set. */
const startTrapper = async (name: string, signal: string, reaction: string, ...options: readonly string[]) => {
  const script = `trap "${reaction}" ${signal}; echo ready; while :; do sleep 0.05; done`;
  await ok('run', '-d', '--name', name, ...options, IMAGE, 'sh', '-c', script);
  await eventually(() => ok('logs', name), 'ready');
};

test('a container is created, started, stopped, started again and removed', async () => {
  const id = await ok('create', '--name', 'cc', IMAGE, 'sleep', '100');
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(await inspect('cc', '{{.State.Status}} {{.State.Pid}} {{.State.ExitCode}}'), 'created 0 0');
  assert.equal(await ok('start', 'cc'), 'cc');
  assert.equal(await ok('start', 'cc'), 'cc', 'starting twice is nothing');
  assert.equal(await inspect('cc', '{{.State.Status}} {{.State.Running}}'), 'running true');
  assert.equal(await ok('stop', '-t', '0', 'cc'), 'cc');
  assert.equal(await ok('stop', 'cc'), 'cc', 'stopping twice is nothing');
  assert.equal(await inspect('cc', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 137');
  assert.equal(await ok('wait', 'cc'), '137');
  await ok('start', 'cc');
  await story.refuses(
    ['rm', 'cc'],
    1,
    'cannot remove container "/cc": container is running: stop the container before removing or force remove',
  );
  assert.equal(await ok('rm', '-f', 'cc'), 'cc');
  await story.refuses(['rm', 'cc'], 1, 'No such container: cc');
});

test('each verb says of a container that is not there what Docker says', async () => {
  for (const verb of [
    'start',
    'stop',
    'restart',
    'kill',
    'pause',
    'unpause',
    'wait',
    'rm',
    'logs',
    'attach',
    'top',
    'port',
  ]) {
    await story.refuses([verb, 'nosuch'], 1, 'No such container: nosuch');
  }
  await story.refuses(['exec', 'nosuch', 'true'], 1, 'No such container: nosuch');
  await story.refuses(['rename', 'nosuch', 'x'], 1, 'No such container: nosuch');
  await story.refuses(['inspect', 'nosuch'], 1, 'Error: No such object: nosuch');
  await story.refuses(['rm', '-f', 'nosuch'], story.docker.client === 'docker28' ? 0 : 1, 'No such container: nosuch');
});

test('a name can be had once, is given back by rename and rm, and prefixes of ids are enough', async () => {
  const id = await ok('create', '--name', 'first', IMAGE);
  const conflict = `Conflict. The container name "/first" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`;
  await story.refuses(['create', '--name', 'first', IMAGE], 1, conflict);
  await ok('create', '--name', 'second', IMAGE);
  await story.refuses(['rename', 'second', 'first'], 1, `Error when allocating new name: ${conflict}`);
  await story.refuses(['rename', 'first', 'first'], 1, 'Renaming a container with the same name as its current name');
  await story.refuses(['rename', 'first', 'a b'], 1, 'Invalid container name (a b)');
  await ok('rename', id.slice(0, 12), 'third');
  await ok('rename', 'second', 'first');
  assert.equal(await inspect('third', '{{.Id}} {{.Name}}'), `${id} /third`);
});

test('stop asks with the signal of the container and records the exit code of its answer', async () => {
  await startTrapper('term', 'TERM', 'exit 7');
  await ok('stop', 'term');
  assert.equal(await inspect('term', '{{.State.ExitCode}}'), '7');
  await startTrapper('usr1', 'USR1', 'exit 8', '--stop-signal', 'USR1');
  await ok('stop', 'usr1');
  assert.equal(await inspect('usr1', '{{.State.ExitCode}} {{.Config.StopSignal}}'), '8 USR1');
});

test('a container that ignores SIGTERM is killed once its timeout is over', async () => {
  await startTrapper('deaf', 'TERM', 'echo heard');
  const before = performance.now();
  await ok('stop', '-t', '1', 'deaf');
  assert.ok(performance.now() - before >= 1000);
  assert.equal(await inspect('deaf', '{{.State.ExitCode}} {{.State.OOMKilled}}'), '137 false');
  assert.match(await ok('logs', 'deaf'), /heard/);
  await ok('rm', 'deaf');
  await startSleeper('patient', '--stop-timeout', '1');
  await ok('stop', 'patient');
  assert.equal(await inspect('patient', '{{.State.ExitCode}}'), '137');
});

test('kill sends any signal by name or number, and refuses those that do not exist', async () => {
  await startTrapper('kk', 'USR1', 'echo usr1');
  await ok('kill', '-s', 'USR1', 'kk');
  await eventually(async () => (await ok('logs', 'kk')).includes('usr1'), true);
  await story.refuses(['kill', '-s', 'BOGUS', 'kk'], 1, 'invalid signal: BOGUS');
  await ok('kill', '-s', '9', 'kk');
  assert.equal(await ok('wait', 'kk'), '137');
  await story.refuses(['kill', 'kk'], 1, /cannot kill container: kk: container [0-9a-f]{64} is not running/);
});

test('a paused container does not run, cannot be entered, and goes on when unpaused', async () => {
  await ok('run', '-d', '--name', 'pp', IMAGE, 'sh', '-c', 'i=0; while :; do echo $((i=i+1)); sleep 0.05; done');
  await ok('pause', 'pp');
  assert.match(await ok('ps', '--format', '{{.Status}} {{.State}}'), /\(Paused\) paused$/);
  const before = await ok('logs', 'pp');
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(await ok('logs', 'pp'), before);
  await story.refuses(['exec', 'pp', 'true'], 1, 'is paused, unpause the container before exec');
  await story.refuses(['pause', 'pp'], 1, 'is already paused');
  await story.refuses(['start', 'pp'], 1, 'cannot start a paused container, try unpause instead');
  await ok('unpause', 'pp');
  await story.refuses(['unpause', 'pp'], 1, 'is not paused');
  await eventually(async () => (await ok('logs', 'pp')).length > before.length, true);
});

test('restart runs it again, also one that is removed when it ends', async () => {
  await startSleeper('rr', '--rm');
  const pid = await inspect('rr', '{{.State.Pid}}');
  await ok('restart', '-t', '0', 'rr');
  assert.notEqual(await inspect('rr', '{{.State.Pid}}'), pid);
  await ok('stop', '-t', '0', 'rr');
  await eventually(() => ok('ps', '-aq'), '');
});

test('wait ends with the exit code: at the next end, at the end, at the removal', async () => {
  await ok('create', '--name', 'ww', IMAGE, 'sh', '-c', 'sleep 0.3; exit 5');
  const conditions = ['next-exit', 'not-running', 'removed'].map((condition) => ({
    condition,
    answer:
      condition === 'not-running' ? undefined : story.daemon.api('POST', `/containers/ww/wait?condition=${condition}`),
  }));
  await ok('start', 'ww');
  assert.equal(await ok('wait', 'ww'), '5');
  assert.deepEqual((await conditions[0]?.answer)?.body, { StatusCode: 5 });
  await ok('rm', 'ww');
  assert.deepEqual((await conditions[2]?.answer)?.body, { StatusCode: 5 });
  assert.equal((await story.daemon.api('POST', '/containers/ww/wait?condition=bogus')).status, 400);
});

test('start -a shows the output and ends with the exit code; -i passes input', async () => {
  await ok('create', '--name', 'aa', IMAGE, 'sh', '-c', 'echo out; echo err >&2; exit 5');
  const attached = await story.docker(['start', '-a', 'aa']);
  assert.deepEqual(attached, { code: 5, stdout: 'out\n', stderr: 'err\n' });
  await ok('create', '--name', 'cat', '-i', IMAGE, 'cat');
  assert.equal(await ok('start', '-ai', 'cat'), '');
  assert.equal((await story.docker(['start', '-ai', 'cat'], { input: 'again\n' })).stdout, 'again\n');
});

test('restart policies start it again, until its attempts are used up or somebody stops it', async () => {
  await ok('run', '-d', '--name', 'twice', '--restart', 'on-failure:2', IMAGE, 'sh', '-c', 'echo x; exit 1');
  await ok('run', '-d', '--name', 'always', '--restart', 'always', IMAGE, 'true');
  await eventually(() => inspect('twice', '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}'), '2 exited 1');
  assert.equal(await ok('logs', 'twice'), 'x\nx\nx');
  await eventually(async () => Number(await inspect('always', '{{.RestartCount}}')) >= 2, true);
  await ok('stop', 'always');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(await inspect('always', '{{.State.Status}}'), 'exited');
  await startSleeper('stopped', '--restart', 'unless-stopped');
  await ok('kill', 'stopped');
  await eventually(() => inspect('stopped', '{{.State.Status}}'), 'exited');
  await ok('run', '-d', '--name', 'fails', '--restart', 'on-failure', IMAGE, 'true');
  await eventually(() => inspect('fails', '{{.State.Status}} {{.RestartCount}}'), 'exited 0');
});

test('a client in the foreground passes its signals on, unless it is told not to', async () => {
  for (const isProxy of [true, false]) {
    const { argv, env } = story.docker.command(['run', '--rm', '--name', 'sig', `--sig-proxy=${isProxy}`, IMAGE]);
    const script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done';
    const child = spawn(argv[0] ?? '', [...argv.slice(1), 'sh', '-c', script], { env: { ...process.env, ...env } });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGTERM');
    if (!isProxy) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(await inspect('sig', '{{.State.Status}}'), 'running');
      await ok('kill', 'sig');
    }
    assert.equal(await exitOf(child), isProxy ? 9 : 137);
  }
});
