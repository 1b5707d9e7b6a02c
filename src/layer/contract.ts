import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { systemClock } from '#/base/clock.ts';
import type { ErrorKind } from '#/base/errors.ts';
import { isEngineError } from '#/base/errors.ts';
import type { DiffId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { setXattr } from '#/linux/xattr.ts';
import { openStore, type Store } from '#/store/store.ts';
import { makeTar, type TarEntry as TestTarEntry } from '../../tests/support/tar.ts';
import type { IngestedLayer, IngestOptions, LayerStore } from './layer.ts';
import { type LayerLimits, openLayerStore } from './open.ts';
import { listTree, type TreeLine } from './testing/list-tree.ts';

type Kind = LayerStore['kind'];

/** What every implementation of the layer port does. To be run in a throwaway host. */
export function testLayerStore(kind: Kind): void {
  const bench = new Bench(kind);
  before(() => bench.open());
  after(() => bench.close());
  testContents(bench);
  testStacks(bench);
  testRoots(bench);
  testHostileTars(bench);
  testStreams(bench);
}

/** One layer store with a directory to make things in. */
class Bench {
  readonly kind: Kind;
  readonly directory = mkdtempSync(join(tmpdir(), 'layers-'));
  #store: Store | undefined;
  #layers: LayerStore | undefined;
  #roots = 0;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get layers(): LayerStore {
    assert.ok(this.#layers);
    return this.#layers;
  }

  async open(limits: Partial<LayerLimits> = {}): Promise<void> {
    const { directory, kind } = this;
    this.#store = openStore(join(directory, 'db'));
    const roots = { dataRoot: join(directory, 'd'), execRoot: join(directory, 'e') };
    this.#layers = await openLayerStore({
      ...roots,
      kind,
      store: this.#store,
      log: silentLogger,
      clock: systemClock,
      limits,
    });
  }

  async reopen(limits: Partial<LayerLimits> = {}): Promise<void> {
    await this.layers.close();
    this.#store?.[Symbol.dispose]();
    await this.open(limits);
  }

  async close(): Promise<void> {
    await this.layers.close();
    this.#store?.[Symbol.dispose]();
    assert.equal(
      execFileSync('findmnt', ['-rn', '-o', 'TARGET'], { encoding: 'utf8' }).includes(this.directory),
      false,
    );
    rmSync(this.directory, { recursive: true });
  }

  ingest(bytes: Uint8Array, options: IngestOptions = {}): Promise<IngestedLayer> {
    return this.layers.ingest(pieces(bytes), options);
  }

  async ingestTar(entries: readonly TestTarEntry[]): Promise<DiffId> {
    return (await this.ingest(makeTar(entries))).diffId;
  }

  /** Mounts the layers, hands the path over, and unmounts again. */
  async mounted<T>(layers: readonly DiffId[], body: (path: string) => T | Promise<T>): Promise<T> {
    const root = `r${++this.#roots}`;
    await this.layers.prepareRoot(root);
    try {
      const { path } = await this.layers.mountRoot(root, layers, {});
      return await body(path);
    } finally {
      await this.layers.removeRoot(root);
    }
  }

  show(layers: readonly DiffId[]): Promise<readonly TreeLine[]> {
    return this.mounted(layers, listTree);
  }

  /** What GNU tar makes of the files, extracted one over the other. */
  extract(paths: readonly string[], flags: readonly string[] = []): readonly TreeLine[] {
    const target = mkdtempSync(join(this.directory, 'x-'));
    for (const path of paths) {
      execFileSync('tar', ['--numeric-owner', '--xattrs', '--xattrs-include=*', ...flags, '-xpf', path, '-C', target]);
    }
    const lines = listTree(target);
    rmSync(target, { recursive: true });
    return lines;
  }

  /** All that layers are made of: to see that a failure left nothing. */
  files(): readonly string[] {
    const directories = ['d/content/ingest', 'd/content/blobs/sha256', 'd/layers'];
    return directories.flatMap((path) => readdirSync(join(this.directory, path))).sort();
  }

  async assertRefused(kind: ErrorKind, message: RegExp, ingest: () => Promise<unknown>): Promise<void> {
    const files = this.files();
    await assert.rejects(ingest, (error) => {
      assert.ok(isEngineError(error, kind), String(error));
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(this.files(), files);
  }
}

async function* pieces(bytes: Uint8Array, sizeBytes = 10_007): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

/** A directory with one of everything, for GNU tar to pack. */
const MAKE_TREE = `
umask 022; mkdir -p t/dir/sub t/empty t/many t/'a b'; cd t
echo hello > file; printf 'x%.0s' $(seq 5000) > dir/big; : > nothing; head -c 1500000 /dev/urandom > dir/sub/random
ln file hard; ln file dir/hard2; ln -s ../file dir/link; ln -s /etc/passwd absolute
ln -s "$(printf 'l%.0s' $(seq 900))" longlink; printf x > "$(printf 'n%.0s' $(seq 250))"
mknod null c 1 3; mknod disk b 259 70000; mkfifo pipe
for i in $(seq 600); do : > "many/file-with-a-name-$i"; done
: > many/-dash; : > many/'!bang'; : > many/é; : > many/"$(printf '\\377\\376')"
chmod 4755 file; chmod 2775 dir; chmod 1777 empty; chown 12345:54321 dir/big; chown -h 3:4 dir/link
touch -hd '1960-01-02 03:04:05.123456789Z' dir/big; touch -hd '2031-05-06 07:08:09.987654321Z' dir/link
truncate -s 5G sparse; printf data | dd of=sparse bs=1 seek=2147483648 conv=notrunc 2>/dev/null
printf end | dd of=sparse bs=1 seek=5368709000 conv=notrunc 2>/dev/null
truncate -s 1M hole-at-end; printf begin | dd of=hole-at-end conv=notrunc 2>/dev/null
`;

function testContents(bench: Bench): void {
  const { kind } = bench;
  const formats = ['gnu', 'posix', 'pax-0.0', 'pax-0.1', 'ustar'];
  for (const format of formats) {
    test(`${kind}: a layer that GNU tar wrote as ${format} shows what GNU tar extracts`, async () => {
      const path = join(bench.directory, `${format}.tar`);
      const tree = mkdtempSync(join(bench.directory, 't-'));
      execFileSync('sh', ['-ec', MAKE_TREE], { cwd: tree });
      const flags = format.startsWith('pax-')
        ? ['--format=posix', '-S', `--sparse-version=${format.slice(4)}`]
        : format === 'ustar'
          ? [
              '--format=ustar',
              '--exclude=longlink',
              '--exclude=sparse',
              '--exclude=nnn*',
              '--exclude=big',
              '--exclude=disk',
            ]
          : [`--format=${format}`, '-S'];
      if (format !== 'ustar' && format !== 'gnu') {
        const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
        setXattr(join(tree, 't/file'), 'user.note', Buffer.from('zwölf'));
        setXattr(join(tree, 't/dir/big'), 'security.capability', capability);
        setXattr(join(tree, 't/dir'), 'user.long', Buffer.alloc(3000, 'v'));
        flags.push('--xattrs', '--xattrs-include=*');
      }
      execFileSync('tar', [...flags, '--numeric-owner', '-cf', path, '-C', join(tree, 't'), '.']);
      rmSync(tree, { recursive: true });
      const { diffId } = await bench.layers.ingest(createReadStream(path), {});
      assert.deepEqual(withoutRoot(await bench.show([diffId])), withoutRoot(bench.extract([path])));
      rmSync(path);
      await bench.layers.remove(diffId);
    });
  }

  test(`${kind}: files whose sparse parts are not aligned to blocks are whole`, async () => {
    const data = Buffer.alloc(1536, 'a');
    data.write('middle', 512);
    data.write('end', 1024);
    const pax = {
      'GNU.sparse.major': '0',
      'GNU.sparse.minor': '1',
      'GNU.sparse.name': 'odd',
      'GNU.sparse.size': '9000',
      'GNU.sparse.map': '3,200,300,6,8997,3',
    };
    const lines = await bench.show([await bench.ingestTar([{ name: 'x', content: data, pax }])]);
    const expected = Buffer.alloc(9000);
    expected.fill('a', 3, 203);
    expected.write('middle', 300);
    expected.write('end', 8997);
    assert.equal(lines.find((line) => line.path === 'odd')?.content, hashOf(expected));
  });

  test(`${kind}: a sparse file of terabytes does not become terabytes`, async () => {
    const pax = {
      'GNU.sparse.major': '0',
      'GNU.sparse.minor': '1',
      'GNU.sparse.name': 'huge',
      'GNU.sparse.size': String(2 ** 42),
      'GNU.sparse.map': '512,4,4398046510592,4',
    };
    const diffId = await bench.ingestTar([{ name: 'x', content: `${'a'.repeat(4).padEnd(512, '\0')}tail`, pax }]);
    const { indexBytes } = bench.layers.getUsage(diffId);
    assert.ok(indexBytes < 64 * 1024 ** 2 || bench.kind === 'unpacked' || indexBytes === 2 ** 42);
    await bench.mounted([diffId], (path) => assert.equal(statSync(join(path, 'huge')).size, 2 ** 42));
  });

  test(`${kind}: the last of several entries of one name wins, and hard links keep what they linked to`, async () => {
    const lines = await bench.show([
      await bench.ingestTar([
        { name: 'a', content: 'first' },
        { name: 'b', type: 'link', linkName: './a' },
        { name: 'a', content: 'second', mode: 0o600 },
        { name: 'd/', type: 'dir', mode: 0o700 },
        { name: 'd/inside', content: '1' },
        { name: 'd/', type: 'dir', mode: 0o711, uid: 5 },
        { name: 'f', content: 'file' },
        { name: 'f/', type: 'dir' },
      ]),
    ]);
    const show = lines.map(({ path, mode, content }) => [path, mode, content]);
    assert.deepEqual(show.slice(1), [
      ['a', '100600', hashOf('second')],
      ['b', '100644', hashOf('first')],
      ['d', '40711', ''],
      ['d/inside', '100644', hashOf('1')],
      ['f', '40755', ''],
    ]);
  });
}

function testStacks(bench: Bench): void {
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

function testRoots(bench: Bench): void {
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

function testHostileTars(bench: Bench): void {
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

function testStreams(bench: Bench): void {
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

const hashOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
/** The mounted root's own directory belongs to the writable side. */
const withoutRoot = (lines: readonly TreeLine[]): readonly TreeLine[] => lines.filter(({ path }) => path !== '.');
