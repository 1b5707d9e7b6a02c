import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { exitOf } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);

/** docker ARGS as a child whose output is gathered. */
function start(args: readonly string[], wrap: (argv: readonly string[]) => readonly string[] = (argv) => argv) {
  const { argv, env } = story.docker.command(args);
  const [program = '', ...rest] = wrap(argv);
  const child = spawn(program, rest, { env: { ...process.env, ...env } });
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said.text += chunk.toString()));
  return Object.assign(child, { said });
}

/** The client inside a terminal of its own, which `script` gives it. */
const startInTerminal = (args: readonly string[]) =>
  start(args, (argv) => ['script', '-qec', argv.map((word) => `'${word}'`).join(' '), '/dev/null']);

const says = (child: { readonly said: { readonly text: string } }, text: string) =>
  eventually(async () => child.said.text.includes(text), true);

async function assertEnds(child: ChildProcess, code: number): Promise<void> {
  assert.equal(await exitOf(child), code);
}

test('several clients see the same output, and each ends with the exit code of the container', async () => {
  await ok(
    'run',
    '-d',
    '-i',
    '--name',
    'shared',
    IMAGE,
    'sh',
    '-c',
    'while read line; do echo got $line; done; exit 4',
  );
  const clients = [1, 2, 3].map(() => start(['attach', '--sig-proxy=false', 'shared']));
  const quiet = start(['attach', '--no-stdin', '--sig-proxy=false', 'shared']);
  await new Promise((resolve) => setTimeout(resolve, 400));
  clients[0]?.stdin.write('one\n');
  for (const client of [...clients, quiet]) await says(client, 'got one');
  clients[1]?.kill('SIGKILL');
  clients[2]?.stdin.write('two\n');
  await says(quiet, 'got two');
  await ok('kill', 'shared');
  for (const client of [clients[0], clients[2], quiet]) if (client) await assertEnds(client, 137);
});

test('the end of input reaches the container while its output still comes', async () => {
  const child = start(['run', '--rm', '-i', IMAGE, 'sh', '-c', 'cat; sleep 0.3; echo after']);
  child.stdin.end('input\n');
  await assertEnds(child, 0);
  assert.equal(child.said.text, 'input\nafter\n');
});

test('a program that reads only some of its input says all that it has to say', async () => {
  const input = Buffer.alloc(1_000_000, 'line\n');
  for (let round = 0; round < 5; round++) {
    for (const options of [['--rm'], ['--rm', '--network', 'none']]) {
      const { code, stdout } = await story.docker(['run', '-i', ...options, IMAGE, 'head', '-n', '1'], { input });
      assert.deepEqual([code, stdout], [0, 'line\n']);
    }
  }
  await ok('run', '-d', '--name', 'box', IMAGE, 'sleep', '100');
  assert.equal((await story.docker(['exec', '-i', 'box', 'head', '-n', '1'], { input })).stdout, 'line\n');
});

test('the detach keys leave the container running, and attaching again goes on', async () => {
  await ok('run', '-dit', '--name', 'shell', IMAGE, 'sh');
  const client = startInTerminal(['attach', 'shell']);
  await new Promise((resolve) => setTimeout(resolve, 500));
  client.stdin.write('echo $((20 + 3))\n');
  await says(client, '23');
  client.stdin.write('\x10\x11');
  await once(client, 'exit');
  assert.equal(await ok('inspect', '-f', '{{.State.Status}}', 'shell'), 'running');
  const own = startInTerminal(['attach', '--detach-keys', 'x,y', 'shell']);
  await new Promise((resolve) => setTimeout(resolve, 500));
  own.stdin.write('echo $((30 + 4))\n');
  await says(own, '34');
  own.stdin.write('xy');
  await once(own, 'exit');
});

test('a terminal has the size that its client sets, and a resize reaches the program', async () => {
  const child = startInTerminal([
    'run',
    '--rm',
    '-it',
    '--name',
    'sized',
    IMAGE,
    'sh',
    '-c',
    'trap "stty size; exit" WINCH; while :; do sleep 0.05; done',
  ]);
  await eventually(
    async () => (await story.docker(['inspect', '-f', '{{.State.Status}}', 'sized'])).stdout,
    'running\n',
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const answer = await story.daemon.api('POST', '/containers/sized/resize?h=21&w=63');
  assert.equal(answer.status, 200);
  await says(child, '21 63');
  await assertEnds(child, 0);
});

test('only the streams that were asked for are attached', async () => {
  const script = 'echo out; echo err >&2';
  const run = (...options: readonly string[]) => story.docker(['run', '--rm', ...options, IMAGE, 'sh', '-c', script]);
  assert.deepEqual(await run('-a', 'stdout'), { code: 0, stdout: 'out\n', stderr: '' });
  assert.deepEqual(await run('-a', 'stderr'), { code: 0, stdout: '', stderr: 'err\n' });
});

test('a container that is paused, stopped or missing cannot be attached to', async () => {
  await ok('run', '-d', '--name', 'box', IMAGE, 'sleep', '100');
  await ok('pause', 'box');
  await story.refuses(['attach', 'box'], 1, 'You cannot attach to a paused container, unpause it first');
  await ok('unpause', 'box');
  await ok('kill', 'box');
  await story.refuses(['attach', 'box'], 1, 'You cannot attach to a stopped container, start it first');
});

test('a client that reads nothing holds up neither the container nor others', async () => {
  await ok('create', '--name', 'loud', IMAGE, 'sh', '-c', 'head -c 30000000 /dev/zero; echo done >&2');
  const stalled = start(['attach', '--no-stdin', 'loud']);
  stalled.stdout.removeAllListeners('data');
  stalled.stdout.pause();
  const before = performance.now();
  await ok('start', 'loud');
  assert.equal(await ok('wait', 'loud'), '0');
  assert.ok(performance.now() - before < 15_000);
  stalled.kill('SIGKILL');
});
