import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DiffId } from '#/base/ids.ts';
import { makeTar } from '../../../tests/support/tar.ts';
import { hashOf, type LayerBench } from './layer-bench.ts';
import { listTree, type TreeLine } from './list-tree.ts';

/** What layers mean over one another. */
export function testStacks(bench: LayerBench): void {
  const { kind } = bench;

  test(`${kind}: whiteouts and opaque directories hide what lies below, in any order of entries`, async () => {
    const base = await bench.ingestTar([
      { name: 'gone', content: 'x' },
      { name: 'dir/', type: 'dir' },
      { name: 'dir/a', content: 'a' },
      { name: 'dir/b', content: 'b' },
      { name: 'replaced/', type: 'dir' },
      { name: 'replaced/old', content: 'x' },
      { name: 'opaque/', type: 'dir' },
      { name: 'opaque/old', content: 'x' },
    ]);
    const top = await bench.ingestTar([
      { name: '.wh.gone' },
      { name: '.wh.never-there' },
      { name: 'dir/', type: 'dir' },
      { name: 'dir/.wh.a' },
      { name: 'replaced/', type: 'dir' },
      { name: 'replaced/new', content: 'n' },
      { name: '.wh.replaced' },
      { name: 'opaque/', type: 'dir' },
      { name: 'opaque/new', content: 'n' },
      { name: 'opaque/.wh..wh..opq' },
      { name: 'only-here/', type: 'dir' },
      { name: 'only-here/.wh.nothing' },
      { name: '.wh..wh.plnk/1.2', content: 'aufs' },
    ]);
    const lines = await bench.show([base, top]);
    const paths = lines.map(({ path }) => path);
    assert.deepEqual(paths, ['.', 'dir', 'dir/b', 'only-here', 'opaque', 'opaque/new', 'replaced', 'replaced/new']);
    const all = await bench.ingestTar([{ name: '.wh..wh..opq' }, { name: 'alone', content: '1' }]);
    assert.deepEqual(
      (await bench.show([base, top, all])).map(({ path }) => path),
      ['.', 'alone'],
    );
  });

  test(`${kind}: a layer without entries for its directories takes their attributes from the layers below`, async () => {
    const base = makeTar([
      { name: 'srv/', type: 'dir', mode: 0o2750, uid: 7, gid: 8, mtimeS: 1000 },
      { name: 'srv/deep/', type: 'dir', mode: 0o700, uid: 9, mtimeS: 2000, pax: { 'SCHILY.xattr.user.who': 'base' } },
      { name: 'usr/lib/', type: 'dir' },
      { name: 'lib', type: 'symlink', linkName: 'usr/lib' },
    ]);
    const top = makeTar([
      { name: 'srv/deep/new', content: 'new' },
      { name: 'lib/through-link', content: 'lib' },
      { name: 'fresh/dir/file', content: 'f' },
    ]);
    const layers = [(await bench.ingest(base)).diffId, (await bench.ingest(top)).diffId];
    const lines = await bench.show(layers);
    const find = (path: string): TreeLine | undefined => lines.find((line) => line.path === path);
    assert.deepEqual(
      [find('srv')?.mode, find('srv')?.owner, find('srv')?.mtimeNs],
      ['42750', '7:8', 1000_000_000_000n],
    );
    assert.deepEqual(
      [find('srv/deep')?.mode, find('srv/deep')?.owner, find('srv/deep')?.xattrs],
      ['40700', '9:0', { 'user.who': 'YmFzZQ==' }],
    );
    assert.equal(find('usr/lib/through-link')?.content, hashOf('lib'));
    assert.equal(find('lib')?.content, 'usr/lib');
    assert.equal(find('fresh/dir')?.mode, '40755');
    // GNU tar, extracting the one over the other, gets the same files in the same directories.
    const shape = (all: readonly TreeLine[]): unknown =>
      all.map(({ path, mode, owner, content }) => [path, mode, owner, content]).slice(1);
    const paths = [base, top].map((bytes, i) => {
      const path = join(bench.directory, `stack-${i}.tar`);
      writeFileSync(path, bytes);
      return path;
    });
    assert.deepEqual(shape(lines), shape(bench.extract(paths)));
    // Over another base the same layer means something else.
    const other = await bench.ingestTar([{ name: 'srv/', type: 'dir', mode: 0o711 }]);
    const over = await bench.show([other, layers[1] ?? other]);
    assert.equal(over.find((line) => line.path === 'srv')?.mode, '40711');
  });

  test(`${kind}: a hard link to a file of a layer below is that file`, async () => {
    const pax = { 'SCHILY.xattr.user.k': 'v' };
    const base = await bench.ingestTar([
      { name: 'bin/', type: 'dir' },
      { name: 'bin/tool', content: 'tool'.repeat(5000), mode: 0o4755, uid: 3, mtimeS: 77, pax },
    ]);
    const top = await bench.ingestTar([{ name: 'bin/alias', type: 'link', linkName: 'bin/tool' }]);
    await bench.mounted([base, top], (path) => {
      const [tool, alias] = ['tool', 'alias'].map((name) => listTree(path).find((line) => line.path === `bin/${name}`));
      assert.deepEqual({ ...alias, path: '' }, { ...tool, path: '' });
      assert.equal(alias?.content, hashOf('tool'.repeat(5000)));
      assert.equal(alias?.links, 2);
      assert.equal(statSync(join(path, 'bin/tool')).ino, statSync(join(path, 'bin/alias')).ino);
    });
    await assert.rejects(bench.show([top]), /hard link to "bin\/tool", which no layer has/);
  });

  test(`${kind}: an image of 127 layers, and one of none`, async () => {
    const layers: DiffId[] = [];
    for (let i = 0; i < 127; i++)
      layers.push(
        await bench.ingestTar([
          { name: `f${i}`, content: `${i}` },
          { name: 'all', content: `${i}` },
        ]),
      );
    const lines = await bench.show(layers);
    assert.equal(lines.length, 129);
    assert.equal(lines.find((line) => line.path === 'all')?.content, hashOf('126'));
    assert.deepEqual(
      (await bench.show([])).map(({ path, mode }) => [path, mode]),
      [['.', '40755']],
    );
    for (const diffId of layers) await bench.layers.remove(diffId);
  });
}
