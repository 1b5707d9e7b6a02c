import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { silentLogger } from '#/base/log.ts';
import { hostPrograms } from '#/linux/process.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { type BootstrapDeps, openBootstrap } from './bootstrap.ts';

inThrowawayHost();

/** Takes the place of the image room: keeps what is imported. */
function openShelf() {
  const imported: { readonly names: readonly string[]; readonly tar: Buffer }[] = [];
  const images = {
    find: () => undefined,
    async importImage({ layers, references }: Parameters<BootstrapDeps['images']['importImage']>[0]) {
      const chunks: Uint8Array[] = [];
      for (const layer of layers) {
        if (typeof layer !== 'string') for await (const chunk of layer) chunks.push(Buffer.from(chunk));
      }
      imported.push({ names: references, tar: Buffer.concat(chunks) });
      return `sha256:${'0'.repeat(64)}` as Awaited<ReturnType<BootstrapDeps['images']['importImage']>>;
    },
  };
  const bootstrap = openBootstrap({ images, programs: hostPrograms, log: silentLogger, dataRoot: tmpdir() });
  return { imported, bootstrap };
}

test('the busybox image has all applets, and is the same bytes each time', async () => {
  const { imported, bootstrap } = openShelf();
  await bootstrap.provide('gantry.local/busybox');
  await bootstrap.provide('gantry.local/busybox:latest');
  const [first, second] = imported;
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(first.names, ['gantry.local/busybox:latest']);
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  assert.equal(digest(first.tar), digest(second.tar));
  const { stdout, stderr } = spawnSync('tar', ['--numeric-owner', '-tvf', '-'], { input: first.tar, encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.match(stdout, /^drwxrwxrwt 0\/0 .* tmp\/$/m);
  assert.match(stdout, /^drwx------ 0\/0 .* root\/$/m);
  assert.match(stdout, /^-rwxr-xr-x 0\/0 +\d{6,} .* bin\/busybox$/m);
  assert.match(stdout, /^lrwxrwxrwx 0\/0 .* bin\/sh -> busybox$/m);
  const passwd = spawnSync('tar', ['-xOf', '-', 'etc/passwd'], { input: first.tar, encoding: 'utf8' }).stdout;
  assert.match(passwd, /^root:x:0:0:root:\/root:\/bin\/sh\n/);
});

test('only images that can be assembled here are offered', async () => {
  const { bootstrap } = openShelf();
  const offered = [
    'gantry.local/busybox',
    'gantry.local/debian',
    'gantry.local/debian:trixie',
    'gantry.local/debian:bookworm',
  ];
  const refused = [
    'busybox',
    'gantry.local/busybox:1',
    'gantry.local/debian:sid',
    'gantry.local/x',
    '',
    'UPPER/case:x:y',
  ];
  assert.deepEqual(
    offered.filter((name) => !bootstrap.canProvide(name)),
    [],
  );
  assert.deepEqual(
    refused.filter((name) => bootstrap.canProvide(name)),
    [],
  );
  await assert.rejects(bootstrap.provide('gantry.local/x'), (error) => isEngineError(error, 'not-found'));
});
