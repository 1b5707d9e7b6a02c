import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CommandOptions } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
/** Debian's. */
const docker = (args: readonly string[], options?: CommandOptions) => story.daemon.client('docker20')(args, options);
const ok = (args: readonly string[]) => story.daemon.client('docker20').ok(args);

test('docker 20.10 negotiates and describes the engine', async () => {
  assert.equal(await ok(['version', '--format', '{{.Client.APIVersion}} {{.Server.APIVersion}}']), '1.41 1.51');
  assert.match(await ok(['info', '--format', '{{.ContainersRunning}} {{.Driver}}']), /^0 \w+$/);
});

test('docker 20.10 runs, attaches, executes and reads logs', async () => {
  assert.equal(await ok(['run', '--rm', IMAGE, 'echo', 'hello']), 'hello');
  assert.equal((await docker(['run', '--rm', IMAGE, 'sh', '-c', 'exit 3'])).code, 3);
  assert.equal((await docker(['run', '--rm', IMAGE, 'nosuch'])).code, 127);
  const input = Buffer.alloc(3_000_000, 'x');
  assert.equal((await docker(['run', '--rm', '-i', IMAGE, 'cat'], { input })).stdout.length, input.length);
  await ok([
    'run',
    '-d',
    '--name',
    'box',
    '-v',
    '/etc/hostname:/m:ro',
    IMAGE,
    'sh',
    '-c',
    'echo out; echo err >&2; sleep 100',
  ]);
  assert.equal((await docker(['exec', '-i', 'box', 'wc', '-c'], { input })).stdout.trim(), String(input.length));
  assert.equal((await docker(['exec', 'box', 'sh', '-c', 'exit 9'])).code, 9);
  assert.deepEqual(await docker(['logs', 'box']), { code: 0, stdout: 'out\n', stderr: 'err\n' });
  assert.match(await ok(['ps', '--format', '{{.Names}} {{.Image}} {{.State}}']), /^box busybox:test running$/);
  assert.match(await ok(['top', 'box']), /sleep 100/);
  assert.match(await ok(['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'box']), /^box [12]$/);
  for (const verb of ['pause', 'unpause', 'restart', 'stop', 'start', 'kill', 'rm']) {
    const time = verb === 'stop' || verb === 'restart' ? ['-t', '0'] : [];
    assert.equal(await ok([verb, ...time, 'box']), 'box', verb);
  }
});

test('docker 20.10 moves images in and out', async () => {
  const path = join(tmpdir(), 'saved.tar');
  await ok(['save', '-o', path, IMAGE]);
  await ok(['tag', IMAGE, 'other:1']);
  assert.equal(await ok(['rmi', 'other:1']), 'Untagged: other:1');
  assert.equal(await ok(['load', '-i', path]), `Loaded image: ${IMAGE}`);
  assert.equal(await ok(['images', '--format', '{{.Repository}}:{{.Tag}}']), IMAGE);
  assert.equal(await ok(['history', '--format', '{{.CreatedBy}}', IMAGE]), 'layer 0');
  const { code, stderr } = await docker(['inspect', 'nosuch']);
  assert.deepEqual([code, stderr.trim()], [1, 'Error: No such object: nosuch']);
});
