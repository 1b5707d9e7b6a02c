import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#/base/clock.ts';
import { isEngineError } from '#/base/errors.ts';
import { parseDiffId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { openStore } from '#/store/store.ts';
import { fillDisk, mountSmallDisk } from '../../tests/support/disk.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { makeTar } from '../../tests/support/tar.ts';
import type { LayerStore } from './layer.ts';
import { openLayerStore } from './open.ts';

inThrowawayHost();

const tar = makeTar([
  { name: 'big', content: Buffer.alloc(3 * 1024 ** 2, 'x') },
  ...Array.from({ length: 2000 }, (_, i) => ({ name: `file-${i}` })),
]);

async function* source(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < tar.length; at += 65_536) yield tar.subarray(at, at + 65_536);
}

const leftovers = (dataRoot: string): readonly string[] =>
  ['content/ingest', 'content/blobs/sha256', 'layers'].flatMap((path) => readdirSync(join(dataRoot, path)));

for (const kind of ['erofs', 'unpacked'] as const) {
  test(`${kind}: a disk that fills up at any step of ingest is resource-exhausted, and nothing is left`, async () => {
    const disk = mountSmallDisk(kind, 40);
    const dataRoot = join(disk, 'd');
    // The database has its own disk: it is the layers' that runs full here.
    using store = openStore(join(disk, '..', `${kind}.db`));
    const options = { dataRoot, execRoot: join(disk, 'e'), store, log: silentLogger, clock: systemClock, kind };
    const layers: LayerStore = await openLayerStore(options);
    let failures = 0;
    // From not even the tar fits, through the index and the unpacked files, to everything does.
    for (let leaveKb = 500; leaveKb < 18_000; leaveKb += 700) {
      const filler = fillDisk(disk, leaveKb);
      try {
        const { diffId } = await layers.ingest(source(), {});
        await layers.remove(diffId);
      } catch (error) {
        assert.ok(isEngineError(error, 'resource-exhausted'), String(error));
        failures++;
      }
      assert.deepEqual(leftovers(dataRoot), [], `with ${leaveKb} KiB`);
      rmSync(filler);
    }
    assert.ok(failures >= 4 && failures < 25, `${failures} failures`);
    assert.equal((await layers.ingest(source(), {})).isNew, true);
    await layers.close();
  });

  test(`${kind}: opening sweeps what a crash left: temporary files, derivations and tars without a row`, async () => {
    const disk = mountSmallDisk(`${kind}-sweep`, 40);
    const dataRoot = join(disk, 'd');
    using store = openStore(join(disk, 'db'));
    const options = { dataRoot, execRoot: join(disk, 'e'), store, log: silentLogger, clock: systemClock, kind };
    const first = await openLayerStore(options);
    const { diffId } = await first.ingest(source(), {});
    await first.close();
    const before = leftovers(dataRoot);
    const orphan = 'ab'.repeat(32);
    writeFileSync(join(dataRoot, 'content/ingest/half'), 'x');
    writeFileSync(join(dataRoot, 'content/blobs/sha256', orphan), 'x');
    writeFileSync(join(dataRoot, 'layers', `${orphan}.erofs`), 'x');
    writeFileSync(join(dataRoot, 'layers', '.1234.tmp'), 'x');
    const second = await openLayerStore(options);
    assert.deepEqual(leftovers(dataRoot), before);
    assert.deepEqual(second.list(), [diffId]);
    await second.close();
    // A tar that vanished: the layer is forgotten, so that it can come again.
    rmSync(join(dataRoot, 'content/blobs/sha256', diffId.slice(7)));
    const third = await openLayerStore(options);
    assert.equal(third.has(parseDiffId(diffId)), false);
    assert.equal((await third.ingest(source(), {})).isNew, true);
    await third.close();
  });
}
