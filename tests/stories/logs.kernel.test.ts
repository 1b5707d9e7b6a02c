import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const runShell = (name: string, script: string, ...options: readonly string[]) =>
  story.docker(['run', '--name', name, ...options, IMAGE, 'sh', '-c', script]);

test('stdout and stderr are kept apart, and a last line without an end stays so', async () => {
  const script = 'echo one; sleep 0.05; echo two >&2; sleep 0.05; printf three';
  const expected = { code: 0, stdout: 'one\nthree', stderr: 'two\n' };
  assert.deepEqual(await runShell('apart', script), expected);
  assert.deepEqual(await story.docker(['logs', 'apart']), expected);
  assert.deepEqual(await story.docker(['logs', '--details', 'apart']), {
    code: 0,
    stdout: ' one\n three',
    stderr: ' two\n',
  });
  assert.match(await ok('logs', '-t', 'apart'), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n.* three$/);
});

test('tail, since and until choose what is shown', async () => {
  await runShell('some', 'for i in 1 2 3; do echo $i; sleep 0.2; done');
  const lines = async (...args: readonly string[]) => (await ok('logs', ...args, 'some')).split('\n').join(' ');
  assert.equal(await lines('-n', '2'), '2 3');
  assert.equal(await lines('-n', '0'), '');
  assert.equal(await lines('-n', 'all'), '1 2 3');
  const [first = '', second = ''] = (await ok('logs', '-t', 'some')).split('\n').map((line) => line.split(' ')[0]);
  assert.equal(await lines('--since', second), '2 3');
  assert.equal(await lines('--until', first), '1');
  assert.equal(await lines('--since', '1h'), '1 2 3');
  assert.equal(await lines('--until', '1h'), '');
  await story.refuses(['logs', '--since', 'bogus', 'some'], 1, 'bogus');
});

test('following ends with the container and shows all of it', async () => {
  await runShell('slow', 'for i in 1 2 3 4 5; do echo $i; sleep 0.1; done', '-d');
  assert.equal(await ok('logs', '-f', 'slow'), '1\n2\n3\n4\n5');
});

test('a terminal has one stream, with carriage returns', async () => {
  await runShell('tty', 'echo one; echo two >&2', '-t');
  assert.deepEqual(await story.docker(['logs', 'tty']), { code: 0, stdout: 'one\r\ntwo\r\n', stderr: '' });
});

test('a line of 300 kB comes back whole', async () => {
  const script = 'head -c 300000 /dev/zero | tr "\\0" x';
  assert.equal((await runShell('long', script)).stdout.length, 300_000);
  assert.equal((await ok('logs', '-n', '1', 'long')).length, 300_000);
});

test('times and details stand before lines, not within those that came in pieces', async () => {
  await runShell('pieces', 'printf a; sleep 0.1; printf b; sleep 0.1; echo c; seq 100000 120000');
  const lines = (await ok('logs', '-t', 'pieces')).split('\n').map((line) => line.replace(/^\S+Z /, ''));
  assert.equal(lines.length, 20_002);
  assert.equal(lines[0], 'abc');
  assert.ok(lines.slice(1).every((line, index) => line === String(100_000 + index)));
});

test('a log is rotated at its size, keeps so many files, and a follower loses nothing', async () => {
  const script =
    'sleep 0.5; i=0; while [ $i -lt 6 ]; do seq $((i * 2000)) $((i * 2000 + 1999)); i=$((i + 1)); sleep 0.5; done';
  await runShell('rotated', script, '-d', '--log-opt', 'max-size=100k', '--log-opt', 'max-file=3');
  const followed = (await ok('logs', '-f', 'rotated')).split('\n');
  assert.equal(followed.length, 12_000);
  assert.ok(followed.every((line, index) => line === String(index)));
  const id = await ok('inspect', '-f', '{{.Id}}', 'rotated');
  const files = readdirSync(join(story.daemon.dataRoot, 'containers', id)).filter((name) =>
    name.startsWith('container.log'),
  );
  assert.deepEqual(files.sort(), ['container.log', 'container.log.1', 'container.log.2']);
  const kept = (await ok('logs', 'rotated')).split('\n');
  assert.equal(kept.at(-1), '11999');
  assert.equal(await ok('logs', '-n', '1500', 'rotated'), followed.slice(-1500).join('\n'));
});

test('details are the labels and variables that were asked to be logged', async () => {
  const options = [
    '--log-opt',
    'labels=a',
    '--log-opt',
    'env=E',
    '-e',
    'E=2',
    '-e',
    'F=3',
    '--label',
    'a=b',
    '--label',
    'c=d',
  ];
  await runShell('details', 'echo hi', ...options);
  assert.equal(await ok('logs', '--details', 'details'), 'E=2,a=b hi');
});

test('without a log there is nothing to read, and attaching works all the same', async () => {
  assert.equal((await runShell('none', 'echo hi', '--log-driver', 'none')).stdout, 'hi\n');
  await story.refuses(['logs', 'none'], 1, 'configured logging driver does not support reading');
});

test('a follower that comes back after a restart of the container sees the old and the new', async () => {
  await runShell('again', 'echo $(date +%s%N)', '-d');
  await eventually(() => ok('inspect', '-f', '{{.State.Status}}', 'again'), 'exited');
  await ok('start', '-a', 'again');
  assert.equal((await ok('logs', 'again')).split('\n').length, 2);
});
