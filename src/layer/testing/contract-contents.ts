import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setXattr } from '#/linux/xattr.ts';
import { hashOf, type LayerBench, withoutRoot } from './layer-bench.ts';

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

/** What one layer shows is what GNU tar extracts. */
export function testContents(bench: LayerBench): void {
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
