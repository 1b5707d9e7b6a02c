import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#/base/clock.ts';
import { silentLogger } from '#/base/log.ts';
import { openLayerStore } from '#/layer/open.ts';
import { deleteLayerRow } from '#/store/layers.ts';
import { openStore } from '#/store/store.ts';
import { inThrowawayHost } from '../support/host.ts';
import { makeTar } from '../support/tar.ts';

inThrowawayHost();

const bytes = async function* (tar: Uint8Array): AsyncGenerator<Uint8Array> {
  yield tar;
};

test('opening the layers takes away mounts and files of a layer whose removal a crash cut short, and of a derivation', async () => {
  const base = mkdtempSync(join(tmpdir(), 'l-'));
  const [dataRoot, execRoot] = [join(base, 'data'), join(base, 'run')];
  for (const path of [dataRoot, execRoot]) mkdirSync(path);
  const store = openStore(join(base, 'gantry.db'));
  const open = () => openLayerStore({ dataRoot, execRoot, store, log: silentLogger, clock: systemClock });
  const layers = await open();
  const keep = await layers.ingest(bytes(makeTar([{ name: 'kept', content: 'a' }])), {});
  const drop = await layers.ingest(bytes(makeTar([{ name: 'dropped', content: 'b' }])), {});
  for (const [name, { diffId }] of Object.entries({ keep, drop })) {
    await layers.prepareRoot(name);
    await layers.mountRoot(name, [diffId], {});
    await layers.unmountRoot(name);
    await layers.removeRoot(name);
  }
  const mountPoints = join(execRoot, 'l');
  assert.equal(readdirSync(mountPoints).length, 2);
  // The crash: the row is gone and nothing else is; a derivation had its layers mounted.
  deleteLayerRow(store, drop.diffId);
  const half = join(mountPoints, '.half');
  mkdirSync(half);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', half]);
  mkdirSync(join(mountPoints, 'f'.repeat(32)));

  const again = await open();
  const mounted = execFileSync('findmnt', ['-rno', 'TARGET'], { encoding: 'utf8' });
  assert.deepEqual(mounted.split('\n').filter((line) => line.startsWith(mountPoints)).length, 1);
  assert.equal(readdirSync(mountPoints).length, 1);
  assert.deepEqual(again.list(), [keep.diffId]);
  assert.equal(readdirSync(join(dataRoot, 'content/blobs/sha256')).length, 1);
  await layers.close();
  await again.close();
  assert.deepEqual(readdirSync(mountPoints), []);
  store[Symbol.dispose]();
});
