import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import Docker from 'dockerode';
import { inThrowawayHost } from '../support/host.ts';
import { IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();

/** What a multiplexed stream says on each of its two sides, read to its end. */
async function demultiplex(docker: Docker, stream: NodeJS.ReadableStream): Promise<readonly [string, string]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.once('end', () => {
    stdout.end();
    stderr.end();
  });
  return [await text(stdout), await text(stderr)];
}

test('dockerode creates, attaches, starts, executes, reads logs, waits and removes', async () => {
  const docker = new Docker({ socketPath: story.daemon.socketPath });
  assert.equal((await docker.ping()).toString(), 'OK');
  const container = await docker.createContainer({
    Image: IMAGE,
    name: 'ode',
    Cmd: ['sh', '-c', 'read line; echo got $line; echo err >&2; exit 6'],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
  });
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const attached = demultiplex(docker, stream);
  await container.start();
  const ended = container.wait();

  const exec = await container.exec({ Cmd: ['cat', '/etc/hello'], AttachStdout: true, AttachStderr: true });
  assert.deepEqual(await demultiplex(docker, await exec.start({})), ['hello from the image\n', '']);
  assert.equal((await exec.inspect()).ExitCode, 0);

  stream.end('words\n');
  assert.deepEqual(await attached, ['got words\n', 'err\n']);
  assert.deepEqual(await ended, { StatusCode: 6 });
  const logs = await container.logs({ stdout: true, stderr: true, follow: true });
  assert.deepEqual(await demultiplex(docker, logs), ['got words\n', 'err\n']);
  assert.equal((await container.inspect()).State.ExitCode, 6);
  assert.deepEqual(
    (await docker.listContainers({ all: true })).map(({ Names }) => Names),
    [['/ode']],
  );
  await container.remove();
  await assert.rejects(container.inspect(), { statusCode: 404 });
});
