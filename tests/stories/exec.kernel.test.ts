import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const withSleeper = async (...options: readonly string[]) =>
  void (await story.docker.ok(['run', '-d', '--name', 'box', ...options, IMAGE, 'sleep', '100']));
const exec = (...args: readonly string[]) => story.docker(['exec', ...args]);
const STDIN_BYTES = 3_000_000;

test('exec passes output, exit codes and signals of its program', async () => {
  await withSleeper();
  assert.deepEqual(await exec('box', 'sh', '-c', 'echo out; echo err >&2; exit 9'), {
    code: 9,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  assert.equal((await exec('box', 'sh', '-c', 'kill -9 $$')).code, 137);
  assert.equal((await exec('box', 'sh', '-c', 'kill -15 $$')).code, 143);
});

test('exec of what is not there ends with 127, of what is not executable with 126', async () => {
  await withSleeper();
  const refused = (code: number, text: string | RegExp, ...args: readonly string[]) =>
    story.refuses(['exec', ...args], code, text);
  await refused(
    127,
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH',
    'box',
    'nosuch',
  );
  await refused(127, 'exec: "/no/such": stat /no/such: no such file or directory', 'box', '/no/such');
  await refused(126, 'exec: "/etc/passwd": permission denied', 'box', '/etc/passwd');
  await refused(126, 'unable to find user nosuch: no matching entries in passwd file', '-u', 'nosuch', 'box', 'id');
  await refused(
    126,
    'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory',
    '-w',
    '/nosuch',
    'box',
    'pwd',
  );
  await refused(126, 'Cwd must be an absolute path', '-w', 'rel', 'box', 'pwd');
  await refused(1, /keys \(bogus-x\) provided/, '--detach-keys', 'bogus-x', 'box', 'true');
  await refused(1, 'executable file not found in $PATH', '-d', 'box', 'nosuch');
});

test('exec runs only in a container that runs', async () => {
  await story.docker.ok(['create', '--name', 'idle', IMAGE]);
  await story.refuses(['exec', 'idle', 'true'], 1, /container [0-9a-f]{64} is not running/);
  await story.refuses(['exec', 'nosuch', 'true'], 1, 'No such container: nosuch');
});

test('user, directory, environment and privileges are those asked for, over those of the container', async () => {
  await withSleeper('-e', 'A=container', '-e', 'B=container', '-w', '/tmp');
  const facts = await exec(
    '-u',
    '1000',
    '-w',
    '/etc',
    '-e',
    'A=exec',
    'box',
    'sh',
    '-c',
    'id -un; id -g; pwd; echo $A $B $HOME',
  );
  assert.equal(facts.stdout, 'app\n1000\n/etc\nexec container /home/app\n');
  assert.equal((await exec('box', 'pwd')).stdout, '/tmp\n');
  const capabilities = async (...options: readonly string[]) =>
    BigInt(`0x${(await exec(...options, 'box', 'grep', 'CapEff', '/proc/self/status')).stdout.split('\t')[1]?.trim()}`);
  assert.equal(await capabilities(), 0xa80425fbn);
  assert.ok((await capabilities('--privileged')) > 0xa80425fbn);
});

test('3 MB of input arrive, and their end too', async () => {
  await withSleeper();
  const input = Buffer.alloc(STDIN_BYTES, 'x');
  const counted = await story.docker(['exec', '-i', 'box', 'wc', '-c'], { input });
  assert.equal(counted.stdout.trim(), String(STDIN_BYTES));
  const echoed = await story.docker(['exec', '-i', 'box', 'cat'], { input });
  assert.equal(echoed.stdout.length, STDIN_BYTES);
  const run = await story.docker(['run', '--rm', '-i', IMAGE, 'cat'], { input });
  assert.equal(run.stdout.length, STDIN_BYTES);
});

test('a detached exec runs on its own', async () => {
  await withSleeper();
  assert.deepEqual(await exec('-d', 'box', 'sh', '-c', 'sleep 0.1; echo done > /tmp/done'), {
    code: 0,
    stdout: '',
    stderr: '',
  });
  await eventually(async () => (await exec('box', 'cat', '/tmp/done')).stdout, 'done\n');
});

test('an exec with a terminal has one, with the size that its client sets', async () => {
  await withSleeper();
  assert.match((await exec('-t', 'box', 'tty')).stdout, /^\/dev\/pts\/\d+\r\n$/);
  const { body } = await story.daemon.api('POST', '/containers/box/exec', {
    AttachStdout: true,
    Tty: true,
    ConsoleSize: [33, 77],
    // crun 1.8 sets the first size while the program may already run, and `stty` fails on a terminal without one.
    Cmd: ['sh', '-c', 'until [ -s /tmp/first ]; do stty size > /tmp/first; done; sleep 0.5; stty size > /tmp/second'],
  });
  const { Id: id } = body as { Id: string };
  const started = story.daemon.api('POST', `/exec/${id}/start`, { Tty: true, ConsoleSize: [33, 77] });
  await eventually(async () => (await exec('box', 'cat', '/tmp/first')).stdout, '33 77\n');
  assert.equal((await story.daemon.api('POST', `/exec/${id}/resize?h=20&w=30`)).status, 200);
  await started;
  assert.equal((await exec('box', 'cat', '/tmp/second')).stdout, '20 30\n');
  const inspected = (await story.daemon.api('GET', `/exec/${id}/json`)).body as { ExitCode: number; Running: boolean };
  assert.deepEqual([inspected.ExitCode, inspected.Running], [0, false]);
});

test('an exec ends with its container', async () => {
  await withSleeper();
  const running = exec('box', 'sleep', '100');
  await eventually(async () => (await exec('box', 'ps')).stdout.includes('sleep 100'), true);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await story.docker.ok(['kill', 'box']);
  assert.equal((await running).code, 137);
});
