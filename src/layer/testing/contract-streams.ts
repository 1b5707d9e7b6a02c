import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { DiffId } from '#/base/ids.ts';
import { makeTar } from '../../../tests/support/tar.ts';
import type { IngestOptions } from '../layer.ts';
import { hashOf, type LayerBench } from './layer-bench.ts';

/** Compressed, damaged, endless and abandoned streams. */
export function testStreams(bench: LayerBench): void {
  const { kind } = bench;
  const tar = makeTar([{ name: 'x', content: 'abc'.repeat(100_000) }]);

  test(`${kind}: gzip of several members and zstd of several frames are the layer that they hold`, async () => {
    const halves = [tar.subarray(0, 7777), tar.subarray(7777)];
    const gzip = Buffer.concat(halves.map((half) => gzipSync(half)));
    const zstd = Buffer.concat(halves.map((half) => zstdCompressSync(half)));
    const plain = await bench.ingest(tar);
    assert.deepEqual([plain.isNew, plain.compression, plain.sizeBytes], [true, 'none', tar.length]);
    for (const [compression, bytes] of [
      ['gzip', gzip],
      ['zstd', zstd],
    ] as const) {
      const layer = await bench.ingest(bytes, { expectedDiffId: plain.diffId, expectedSizeBytes: bytes.length });
      assert.deepEqual([layer.isNew, layer.compression, layer.diffId], [false, compression, plain.diffId]);
      assert.equal(layer.blobDigest, `sha256:${hashOf(bytes)}`);
    }
    await bench.layers.remove(plain.diffId);
    const again = await bench.ingest(gzip, { expectedDiffId: plain.diffId });
    assert.equal(again.isNew, true);
    const read: Uint8Array[] = [];
    for await (const piece of bench.layers.read(plain.diffId)) read.push(piece);
    assert.deepEqual(Buffer.concat(read), tar);
    await bench.layers.remove(plain.diffId);
  });

  test(`${kind}: refuses wrong digests and sizes, truncated and damaged streams`, async () => {
    const wrong = `sha256:${'0'.repeat(64)}` as DiffId;
    const gzip = gzipSync(tar);
    const damaged = Buffer.from(gzip);
    damaged.fill(0x55, 40, 60);
    const refuse = (message: RegExp, bytes: Uint8Array, options: IngestOptions = {}): Promise<void> =>
      bench.assertRefused('data-loss', message, () => bench.ingest(bytes, options));
    await refuse(/its digest is/, gzip, { expectedDigest: wrong });
    await refuse(/its diff id is/, gzip, { expectedDiffId: wrong });
    await refuse(/were announced/, tar, { expectedSizeBytes: tar.length + 1 });
    await refuse(/were announced/, tar, { expectedSizeBytes: 100 });
    await refuse(/expand gzip/, gzip.subarray(0, -20));
    await refuse(/expand gzip/, damaged);
    await refuse(/expand zstd/, zstdCompressSync(tar).subarray(0, -5));
    await bench.assertRefused('not-implemented', /bzip2/, () => bench.ingest(Buffer.from('BZh91AY&SY')));
  });

  test(`${kind}: a source that fails or hangs, and a caller that gives up, leave nothing`, async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield tar.subarray(0, 5000);
      throw new Error('the network is gone');
    };
    await bench.assertRefused('internal', /the network is gone/, () => bench.layers.ingest(failing(), {}));
    const hanging = async function* (): AsyncGenerator<Uint8Array> {
      yield tar.subarray(0, 5000);
      await new Promise(() => {});
    };
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    await bench.assertRefused('canceled', /canceled/, () => bench.layers.ingest(hanging(), { signal: stop.signal }));
  });

  test(`${kind}: the same layer twice at once is stored once`, async () => {
    const both = await Promise.all([bench.ingest(tar), bench.ingest(gzipSync(tar))]);
    assert.deepEqual(both.map(({ isNew }) => isNew).sort(), [false, true]);
    assert.equal(bench.files().filter((name) => name.includes(both[0].diffId.slice(7))).length, 2);
    await bench.layers.remove(both[0].diffId);
  });

  test(`${kind}: bombs and endless archives end at the stated limits`, async () => {
    await bench.reopen({
      maxRatio: 50,
      ratioFreeBytes: 4 * 1024 ** 2,
      maxBytes: 64 * 1024 ** 2,
      maxEntries: 500,
      maxTotalExtensionBytes: 20_000,
    });
    const bomb = makeTar([{ name: 'zeros', content: Buffer.alloc(40 * 1024 ** 2) }]);
    await bench.assertRefused('resource-exhausted', /more than 50 times/, () => bench.ingest(gzipSync(bomb)));
    await bench.assertRefused('resource-exhausted', /more than 50 times/, () => bench.ingest(zstdCompressSync(bomb)));
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield makeTar([{ name: 'big', claimedSizeBytes: 8 * 1024 ** 3 - 1 }]).subarray(0, 512);
      for (;;) yield Buffer.alloc(1024 ** 2);
    };
    await bench.assertRefused('resource-exhausted', /limit of 67108864 bytes/, () =>
      bench.layers.ingest(endless(), {}),
    );
    const many = makeTar(Array.from({ length: 501 }, (_, i) => ({ name: `f${i}` })));
    await bench.assertRefused('data-loss', /more than 500 entries/, () => bench.ingest(many));
    const pax = { 'SCHILY.xattr.user.x': 'x'.repeat(1000) };
    const large = makeTar(Array.from({ length: 30 }, (_, i) => ({ name: `f${i}`, pax })));
    await bench.assertRefused('data-loss', /more than 20000 bytes in all/, () => bench.ingest(large));
    await bench.reopen();
  });
}
