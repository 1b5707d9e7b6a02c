import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeTar, type TarEntry as TestTarEntry } from '../../../tests/support/tar.ts';
import { hashOf, type LayerBench } from './layer-bench.ts';

/** Archives made to do harm are refused whole, or do none. */
export function testHostileTars(bench: LayerBench): void {
  const { kind } = bench;
  const refused: ReadonlyArray<readonly [string, RegExp, readonly TestTarEntry[]]> = [
    ['a name with ..', /"\.\.\/escape".*could lead out/, [{ name: '../escape', content: 'x' }]],
    ['a name with .. inside', /could lead out/, [{ name: 'a/b/../../../x', content: 'x' }]],
    ['a hard link out of the root', /could lead out/, [{ name: 'x', type: 'link', linkName: '../../etc/passwd' }]],
    [
      'a hard link to a directory',
      /hard link to the directory/,
      [
        { name: 'd/', type: 'dir' },
        { name: 'x', type: 'link', linkName: 'd' },
      ],
    ],
    [
      'an entry in a file',
      /is not a directory/,
      [
        { name: 'f', content: 'x' },
        { name: 'f/x', content: 'x' },
      ],
    ],
    ['a whiteout of ..', /names nothing/, [{ name: '.wh...' }]],
    ['a whiteout without a name', /names nothing/, [{ name: '.wh.' }]],
    [
      'a loop of links',
      /symbolic links lie in its path/,
      [
        { name: 'a', type: 'symlink', linkName: 'b' },
        { name: 'b', type: 'symlink', linkName: 'a' },
        { name: 'a/x', content: '' },
      ],
    ],
    ['a component of 256 bytes', /longer than 255 bytes/, [{ name: `${'n'.repeat(256)}`, content: '' }]],
    ['a name of 5000 bytes', /the limit is 4096/, [{ name: 'n/'.repeat(2500), content: '' }]],
    [
      'a PAX header beyond its limit',
      /the limit is 1048576/,
      [{ name: 'x', pax: { comment: 'c'.repeat(1024 ** 2 + 1) } }],
    ],
    ['a size beyond the end', /ends in the middle/, [{ name: 'x', content: 'abc', claimedSizeBytes: 4000 }]],
    ['a uid that no kernel has', /has the uid/, [{ name: 'x', pax: { uid: '99999999999' } }]],
    ['a PAX name with NUL', /NUL/, [{ name: 'x', pax: { path: 'a\0b' } }]],
    [
      'a sparse map beyond the file',
      /sparse map/,
      [
        {
          name: 'x',
          content: 'abc',
          pax: {
            'GNU.sparse.major': '0',
            'GNU.sparse.minor': '1',
            'GNU.sparse.map': '0,4096',
            'GNU.sparse.size': '10',
          },
        },
      ],
    ],
    ['a link as the root', /root of a layer is a directory/, [{ name: './', type: 'symlink', linkName: '/' }]],
  ];
  for (const [what, message, entries] of refused) {
    test(`${kind}: refuses ${what} and leaves nothing`, () =>
      bench.assertRefused('data-loss', message, () => bench.ingest(makeTar(entries))));
  }

  test(`${kind}: links that point out lead nowhere: what is written through them stays in the layer`, async () => {
    const outside = mkdtempSync(join(bench.directory, 'outside-'));
    const lines = await bench.show([
      await bench.ingestTar([
        { name: 'a', type: 'symlink', linkName: outside },
        { name: 'a/x', content: 'caught' },
        { name: 'up', type: 'symlink', linkName: '../../../..' },
        { name: 'up/y', content: 'caught' },
        { name: '/absolute', content: 'z' },
        { name: 'passwd', type: 'symlink', linkName: '/etc/passwd' },
        { name: 'linked', type: 'link', linkName: '/passwd' },
      ]),
    ]);
    assert.deepEqual(readdirSync(outside), []);
    const content = (path: string): string | undefined => lines.find((line) => line.path === path)?.content;
    assert.equal(content(`${outside.slice(1)}/x`), hashOf('caught'));
    assert.equal(content('y'), hashOf('caught'));
    assert.equal(content('absolute'), hashOf('z'));
    assert.equal(content('linked'), '/etc/passwd');
  });

  test(`${kind}: attributes that steer overlayfs are not taken from a tar`, async () => {
    const base = await bench.ingestTar([
      { name: 'd/', type: 'dir' },
      { name: 'd/secret', content: 's' },
      { name: 'e/', type: 'dir' },
    ]);
    const pax = {
      'SCHILY.xattr.trusted.overlay.redirect': '/d',
      'SCHILY.xattr.trusted.overlay.metacopy': '',
      'SCHILY.xattr.trusted.overlay.opaque': 'y',
    };
    const top = await bench.ingestTar([
      { name: 'e/', type: 'dir', pax },
      { name: 'd/', type: 'dir', pax },
    ]);
    const paths = (await bench.show([base, top])).map(({ path }) => path);
    assert.deepEqual(paths, ['.', 'd', 'd/secret', 'e']);
  });

  test(`${kind}: refuses damaged headers and bytes that are no tar`, async () => {
    const tar = makeTar([{ name: 'x', content: 'abc' }]);
    const damaged = Buffer.from(tar);
    damaged.write('y', 0);
    await bench.assertRefused('data-loss', /checksum/, () => bench.ingest(damaged));
    await bench.assertRefused('data-loss', /checksum/, () => bench.ingest(Buffer.alloc(4096, 'text')));
    await bench.assertRefused('data-loss', /ends in the middle/, () => bench.ingest(tar.subarray(0, 514)));
  });
}
