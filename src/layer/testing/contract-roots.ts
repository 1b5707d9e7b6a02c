import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import type { LayerBench } from './layer-bench.ts';

/** The life of a writable root. */
export function testRoots(bench: LayerBench): void {
  const { kind } = bench;

  test(`${kind}: writes survive unmounting and reopening; removal forgets them`, async () => {
    const base = await bench.ingestTar([
      { name: './', type: 'dir', mode: 0o711, uid: 4 },
      { name: 'f', content: 'below' },
    ]);
    await bench.layers.prepareRoot('box');
    const first = await bench.layers.mountRoot('box', [base], {});
    assert.equal(statSync(first.path).uid, 4);
    assert.equal(statSync(first.path).mode & 0o777, 0o711);
    writeFileSync(join(first.path, 'f'), 'above');
    assert.deepEqual(await bench.layers.mountRoot('box', [base], {}), first);
    await assert.rejects(bench.layers.remove(base), /a mounted root uses it/);
    await bench.reopen();
    assert.equal(readFileSync(join(first.path, 'f'), 'utf8'), 'above', 'a mounted root outlives the store');
    await assert.rejects(bench.layers.remove(base), /a mounted root uses it/);
    assert.equal(await bench.layers.getRootUsage('box'), 5);
    await bench.layers.unmountRoot('box');
    await bench.layers.unmountRoot('box');
    await bench.layers.mountRoot('box', [base], {});
    assert.equal(readFileSync(join(first.path, 'f'), 'utf8'), 'above');
    assert.deepEqual(await bench.layers.listRoots(), ['box']);
    await bench.layers.removeRoot('box');
    await bench.layers.removeRoot('box');
    assert.deepEqual(await bench.layers.listRoots(), []);
    await bench.layers.remove(base);
    assert.equal(bench.layers.has(base), false);
    await bench.layers.remove(base);
    await assert.rejects(bench.show([base]), (error) => isEngineError(error, 'not-found'));
  });

  test(`${kind}: a read-only root refuses writes; an ephemeral one can be mounted again while the host is up`, async () => {
    const base = await bench.ingestTar([{ name: 'f', content: 'below' }]);
    await bench.layers.prepareRoot('ro');
    const { path, upperPath } = await bench.layers.mountRoot('ro', [base], { readOnly: true });
    assert.equal(upperPath, undefined);
    assert.throws(() => writeFileSync(join(path, 'x'), ''), /EROFS/);
    await bench.layers.removeRoot('ro');
    await bench.layers.prepareRoot('eph');
    const eph = await bench.layers.mountRoot('eph', [base], { ephemeral: true });
    writeFileSync(join(eph.path, 'kept'), 'yes');
    await bench.layers.unmountRoot('eph');
    await bench.layers.mountRoot('eph', [base], { ephemeral: true });
    assert.equal(readFileSync(join(eph.path, 'kept'), 'utf8'), 'yes');
    await bench.layers.unmountRoot('eph');
    await bench.layers.close();
    // As after a boot: nothing under the exec root.
    rmSync(join(bench.directory, 'e', 'm', 'eph'), { recursive: true });
    await bench.reopen();
    await assert.rejects(bench.layers.mountRoot('eph', [base], { ephemeral: true }), (error) =>
      isEngineError(error, 'data-loss'),
    );
    await bench.layers.removeRoot('eph');
  });

  test(`${kind}: a root with directories deeper than any path is removed`, async () => {
    await bench.layers.prepareRoot('deep');
    const { path } = await bench.layers.mountRoot('deep', [], {});
    const nest = 'chdir $ARGV[0] or die; for (1..40) { mkdir "d" x 200 and chdir "d" x 200 or die $!; }';
    execFileSync('perl', ['-e', nest, path]);
    await bench.layers.removeRoot('deep');
    assert.deepEqual(readdirSync(join(bench.directory, 'd', 'roots')), ['.empty']);
  });
}
