import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import {
  busyboxArchive,
  execIn,
  expectApi,
  inspectState,
  loadImage,
  removeEverything,
  runContainer,
  unframed,
} from './api.ts';
import { assertNothingLeaked, type LastingWorld, settledWorld } from './leaks.ts';

inThrowawayHost();

let daemon: TestDaemon;
let empty: LastingWorld;

before(async () => {
  daemon = await startDaemon(undefined);
  empty = await settledWorld(daemon);
  await loadImage(daemon, busyboxArchive());
});

after(async () => {
  try {
    await removeEverything(daemon);
    await assertNothingLeaked(daemon, empty);
  } finally {
    await daemon.stop();
  }
});

async function timed<T>(body: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const started = performance.now();
  const value = await body();
  return { ms: Math.round(performance.now() - started), value };
}

const remove = (name: string) => expectApi(daemon, 204, 'DELETE', `/containers/${name}?force=1`);

async function waitFor(what: string, isTrue: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) assert.fail(`${what}: not within ${timeoutMs} ms`);
    await sleep(20);
  }
}

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Descendants of a process, with their command lines. */
function commandsNamed(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    });
}

test('a container that ignores SIGTERM is killed when its time is over, and ends as 137', async () => {
  await runContainer(daemon, { name: 'deaf', command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] });
  const { ms } = await timed(() => expectApi(daemon, 204, 'POST', '/containers/deaf/stop?t=1'));
  assert.ok(ms >= 900 && ms < 3000, `${ms} ms`);
  assert.equal((await inspectState(daemon, 'deaf')).ExitCode, 137);
  await remove('deaf');
});

test('a daemon that forked away from its container goes with it', async () => {
  const command = ['sh', '-c', '(setsid sh -c "exec sleep 4321" </dev/null >/dev/null 2>&1 &); sleep 0.3; exit 4'];
  await runContainer(daemon, { name: 'forks', command });
  await expectApi(daemon, 200, 'POST', '/containers/forks/wait');
  assert.equal((await inspectState(daemon, 'forks')).ExitCode, 4);
  assert.deepEqual(commandsNamed('4321'), []);
  await remove('forks');
});

test('a process that a container left in the namespace of the host goes with its container', async () => {
  const command = ['sh', '-c', '(setsid sh -c "exec sleep 4322" </dev/null >/dev/null 2>&1 &); sleep 0.3; exit 4'];
  await runContainer(daemon, { name: 'forks', command, hostConfig: { PidMode: 'host' } });
  await expectApi(daemon, 200, 'POST', '/containers/forks/wait');
  await waitFor('the process ends', () => commandsNamed('4322').length === 0);
  await remove('forks');
});

test('a container that closes its stdio runs on, and its end is recorded', async () => {
  await runContainer(daemon, { name: 'closed', command: ['sh', '-c', 'exec <&- >&- 2>&-; sleep 0.7; exit 9'] });
  await sleep(300);
  assert.ok((await inspectState(daemon, 'closed')).Running);
  await expectApi(daemon, 200, 'POST', '/containers/closed/wait');
  assert.equal((await inspectState(daemon, 'closed')).ExitCode, 9);
  await remove('closed');
});

/** A client that asks for a stream and then does not read it. */
function stall(path: string, method = 'POST'): Promise<Socket> {
  const socket = connect(daemon.socketPath);
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
      );
      socket.pause();
      resolve(socket);
    });
  });
}

test('output of 100 MB a second fills neither the disk nor the memory, and stop is quick', async (context) => {
  const logConfig = { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '3' } };
  const id = await runContainer(daemon, {
    name: 'spam',
    command: ['sh', '-c', `exec yes ${'x'.repeat(200)}`],
    hostConfig: { LogConfig: logConfig },
  });
  const directory = join(daemon.dataRoot, 'containers', id);
  const rssBefore = residentMb(daemon.pid);
  const attach = '/containers/spam/attach?stream=1&stdout=1';
  const readers = await Promise.all([stall(attach), stall(attach)]);
  // The first look comes within a second; what came until then is not counted.
  await sleep(3000);
  let largest = 0;
  for (let look = 0; look < 30; look++) {
    await sleep(100);
    const sizes = readdirSync(directory).map(
      (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
    );
    largest = Math.max(largest, sizes.reduce((sum, size) => sum + size, 0) / 1e6);
  }
  const rss = residentMb(daemon.pid);
  const logs = readdirSync(directory).filter((name) => name.startsWith('container.log'));
  const stopped = await timed(() => expectApi(daemon, 204, 'POST', '/containers/spam/stop?t=2'));
  const removed = await timed(() => remove('spam'));
  for (const socket of readers) socket.destroy();
  context.diagnostic(
    `logs at most ${Math.round(largest)} MB in ${logs.length} files; memory ${Math.round(rssBefore)} to ${Math.round(rss)} MB; stop ${stopped.ms} ms, rm ${removed.ms} ms`,
  );
  assert.ok(logs.length <= 3, `${logs}`);
  assert.ok(largest < 300, `${largest} MB of logs`);
  assert.ok(rss - rssBefore < 100, `${rssBefore} to ${rss} MB`);
  assert.ok(stopped.ms < 4000 && removed.ms < 2000, `${stopped.ms} ${removed.ms}`);
});

test('50 attached clients that stall or vanish hold up neither stop nor kill nor wait nor rm', async (context) => {
  for (const way of ['stop?t=5', 'kill']) {
    await runContainer(daemon, {
      name: 'crowd',
      command: ['sh', '-c', 'trap "exit 3" TERM; while :; do echo line; sleep 0.001; done'],
    });
    const waiting = daemon.api('POST', '/containers/crowd/wait');
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => stall('/containers/crowd/attach?stream=1&stdout=1&stderr=1&stdin=1')),
    );
    await sleep(500);
    for (const client of clients.slice(0, 25)) client.destroy();
    const { ms } = await timed(() => expectApi(daemon, 204, 'POST', `/containers/crowd/${way}`));
    assert.equal((await waiting).status, 200);
    const removed = await timed(() => remove('crowd'));
    context.diagnostic(`${way}: ${ms} ms, rm ${removed.ms} ms`);
    assert.ok(ms < 3000 && removed.ms < 3000);
    for (const client of clients) client.destroy();
  }
});

const monitorOf = (id: string): number => Number(readFileSync(join(daemon.execRoot, 'c', id, 'monitor'), 'utf8'));

test('a container whose monitor was killed runs on, stops as 255 with a reason, and goes', async () => {
  const id = await runContainer(daemon, { name: 'orphan', command: ['sleep', '1000'] });
  process.kill(monitorOf(id), 'SIGKILL');
  await sleep(200);
  assert.ok((await inspectState(daemon, 'orphan')).Running);
  assert.equal((await execIn(daemon, 'orphan', ['sh', '-c', 'exit 3'])).code, 3);
  const { ms } = await timed(() => expectApi(daemon, 204, 'POST', '/containers/orphan/stop?t=1'));
  assert.ok(ms < 5000, `${ms} ms`);
  const { ExitCode, Error: reason } = await inspectState(daemon, 'orphan');
  assert.equal(ExitCode, 255);
  assert.match(reason, /monitor/);
  await expectApi(daemon, 204, 'POST', '/containers/orphan/start');
  assert.ok((await inspectState(daemon, 'orphan')).Running);
  await remove('orphan');
});

test('a container whose first process is killed from outside ends as 137', async () => {
  await runContainer(daemon, { name: 'shot', command: ['sleep', '1000'] });
  process.kill((await inspectState(daemon, 'shot')).Pid, 'SIGKILL');
  const { body } = await expectApi(daemon, 200, 'POST', '/containers/shot/wait');
  assert.equal((body as { StatusCode: number }).StatusCode, 137);
  await remove('shot');
});

test('a container that takes more memory than it may is reported as killed for it', async () => {
  const since = Math.floor(Date.now() / 1000);
  const hostConfig = { Memory: 16 * 1024 * 1024, MemorySwap: 16 * 1024 * 1024 };
  await runContainer(daemon, { name: 'greedy', command: ['tail', '/dev/zero'], hostConfig });
  await expectApi(daemon, 200, 'POST', '/containers/greedy/wait');
  const { ExitCode, OOMKilled } = await inspectState(daemon, 'greedy');
  assert.deepEqual({ ExitCode, OOMKilled }, { ExitCode: 137, OOMKilled: true });
  const { text } = await expectApi(
    daemon,
    200,
    'GET',
    `/events?since=${since}&until=${Math.floor(Date.now() / 1000) + 1}`,
  );
  assert.match(text, /"Action":"oom"/);
  await remove('greedy');
});

test('hundreds of starts and stops leave the daemon with as many descriptors and as much memory', async (context) => {
  const rounds = process.env.GANTRY_TEST_LONG === '1' ? 300 : 40;
  const cycle = async (): Promise<void> => {
    await runContainer(daemon, { name: 'cycle', command: ['sleep', '1000'], network: 'bridge' });
    await execIn(daemon, 'cycle', ['true']);
    await remove('cycle');
  };
  for (let round = 0; round < 15; round++) await cycle();
  await sleep(500);
  const [openBefore, mbBefore] = [descriptors(daemon.pid), residentMb(daemon.pid)];
  for (let round = 0; round < rounds; round++) await cycle();
  await sleep(500);
  const [open, mb] = [descriptors(daemon.pid), residentMb(daemon.pid)];
  context.diagnostic(
    `${rounds} cycles: descriptors ${openBefore} to ${open}, memory ${Math.round(mbBefore)} to ${Math.round(mb)} MB`,
  );
  assert.ok(open <= openBefore + 3, `${openBefore} to ${open} descriptors`);
  assert.ok(mb < mbBefore + 40, `${mbBefore} to ${mb} MB`);
});

test('containers run on through a clean restart of the daemon, and can be attached, logged and exec’ed in again', async (context) => {
  const command = ['sh', '-c', 'echo before; read line; echo "got $line"; sleep 1000'];
  await runContainer(daemon, { name: 'lasting', command, more: { OpenStdin: true } });
  const { Pid } = await inspectState(daemon, 'lasting');
  assert.equal(await daemon.stop(), 0);
  assert.ok(existsSync(`/proc/${Pid}`));
  daemon = await daemon.again();
  const after = await inspectState(daemon, 'lasting');
  assert.deepEqual([after.Running, after.Pid], [true, Pid]);
  const socket = await stall('/containers/lasting/attach?stream=1&stdout=1&stdin=1');
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.resume();
  await waitFor('attached', () => received.includes('UPGRADED'));
  socket.write('hello\n');
  await waitFor('the answer', () => received.includes('got hello'));
  socket.destroy();
  assert.equal((await execIn(daemon, 'lasting', ['sh', '-c', 'exit 5'])).code, 5);
  const { text } = await expectApi(daemon, 200, 'GET', '/containers/lasting/logs?stdout=1');
  assert.equal(unframed(text), 'before\ngot hello\n');
  context.diagnostic('restarted');
  await remove('lasting');
});

test('a paused container and one with a terminal are what they were after the daemon was killed', async () => {
  await runContainer(daemon, { name: 'paused', command: ['sh', '-c', 'while :; do echo tick; sleep 0.05; done'] });
  await runContainer(daemon, { name: 'tty', command: ['sh'], more: { Tty: true, OpenStdin: true } });
  await expectApi(daemon, 204, 'POST', '/containers/paused/pause');
  await daemon.kill9();
  daemon = await daemon.again();
  assert.equal((await inspectState(daemon, 'paused')).Status, 'paused');
  await expectApi(daemon, 204, 'POST', '/containers/paused/unpause');
  assert.equal((await inspectState(daemon, 'paused')).Status, 'running');
  await expectApi(daemon, 200, 'POST', '/containers/tty/resize?h=33&w=99');
  const socket = await stall('/containers/tty/attach?stream=1&stdout=1&stdin=1');
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.resume();
  socket.write('stty size\n');
  await waitFor('the size of the terminal', () => received.includes('33 99'));
  socket.destroy();
  for (const name of ['paused', 'tty']) await remove(name);
});

test('sessions whose daemon was killed go with their container', async () => {
  await runContainer(daemon, { name: 'sessions', command: ['sleep', '1000'] });
  for (const [tty, detach] of [
    [true, true],
    [false, true],
    [false, false],
    [true, false],
  ] as const) {
    const wanted = { AttachStdout: !detach, Tty: tty, Cmd: ['sleep', '4323'] };
    const { body } = await expectApi(daemon, 201, 'POST', '/containers/sessions/exec', wanted);
    const started = daemon.api('POST', `/exec/${(body as { Id: string }).Id}/start`, { Detach: detach, Tty: tty });
    started.catch(() => {});
    if (detach) await started;
  }
  await waitFor('all four run', () => commandsNamed('sleep\0' + '4323').length === 4);
  await daemon.kill9();
  daemon = await daemon.again();
  assert.equal((await execIn(daemon, 'sessions', ['sh', '-c', 'exit 6'])).code, 6);
  await remove('sessions');
  await waitFor('all have ended', () => commandsNamed('4323').length === 0);
});

test('a pid that now belongs to somebody else is not taken for a container’s', async () => {
  const id = await runContainer(daemon, { name: 'gone', command: ['sleep', '1000'] });
  const record = join(daemon.execRoot, 'c', id, 'task.json');
  const { Pid } = await inspectState(daemon, 'gone');
  await daemon.kill9();
  // While no engine runs, the container and its monitor go, and its pid is given to another process: this one.
  process.kill(monitorOf(id), 'SIGKILL');
  process.kill(Pid, 'SIGKILL');
  const text = readFileSync(record, 'utf8').replace(`"pid":${Pid}`, `"pid":${process.pid}`);
  writeFileSync(record, text);
  daemon = await daemon.again();
  const { Running, ExitCode } = await inspectState(daemon, 'gone');
  assert.deepEqual({ Running, ExitCode }, { Running: false, ExitCode: 255 });
  await remove('gone');
});

test('after the host was started again, running containers have ended, and start again', async () => {
  await runContainer(daemon, { name: 'was-running', command: ['sleep', '1000'], network: 'bridge' });
  await runContainer(daemon, {
    name: 'comes-back',
    command: ['sleep', '1000'],
    hostConfig: { RestartPolicy: { Name: 'always' } },
  });
  const pids = await Promise.all(
    ['was-running', 'comes-back'].map(async (name) => (await inspectState(daemon, name)).Pid),
  );
  const ids = readdirSync(join(daemon.execRoot, 'c'));
  const monitors = ids.map(monitorOf);
  await daemon.kill9();
  for (const pid of [...monitors, ...pids]) process.kill(pid, 'SIGKILL');
  wipeExecRoot();
  daemon = await daemon.again();
  const { Running, ExitCode } = await inspectState(daemon, 'was-running');
  assert.deepEqual({ Running, ExitCode }, { Running: false, ExitCode: 255 });
  await waitFor('the restart', async () => (await inspectState(daemon, 'comes-back')).Running);
  await expectApi(daemon, 204, 'POST', '/containers/was-running/start');
  for (const name of ['was-running', 'comes-back']) await remove(name);
});

/** What a boot leaves of the exec root: nothing; of the host's network and nftables likewise. */
function wipeExecRoot(): void {
  const namespace = join(daemon.execRoot, 'ns/mnt');
  execFileSync('umount', [namespace]);
  execFileSync('umount', [daemon.execRoot]);
  rmSync(daemon.execRoot, { recursive: true, force: true });
  execFileSync('ip', ['link', 'delete', 'gantry0']);
  execFileSync('nft', ['flush', 'ruleset']);
  const groups = readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name, 'gantry'));
  for (const group of groups.filter((path) => existsSync(path))) {
    execFileSync('find', [group, '-depth', '-mindepth', '1', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  }
}
