import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../support/daemon.ts';
import { hasClient } from '../support/docker.ts';
import { inThrowawayHost } from '../support/host.ts';
import { writeBusyboxArchive } from '../support/image.ts';

inThrowawayHost();

test('an image that docker loads runs and says hello', async (context) => {
  const daemon = await startDaemon(context);
  const archive = join(tmpdir(), 'busybox.tar');
  writeBusyboxArchive(archive);
  for (const name of ['docker28', 'docker20', 'gantry'] as const) {
    if (!hasClient(name)) continue;
    const docker = daemon.client(name);
    await docker.ok(['load', '-i', archive]);
    assert.equal(await docker.ok(['run', '--rm', 'busybox:test', 'echo', 'hello']), 'hello', name);
  }
});
