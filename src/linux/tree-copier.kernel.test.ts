import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { copyTree } from './copy-tree.ts';
import { copyTreeNow } from './tree-copier.ts';

inThrowawayHost();

function makeDirectories(): { readonly base: string; readonly source: string; readonly destination: string } {
  const base = mkdtempSync(join(tmpdir(), 'copy-'));
  const [source, destination] = [join(base, 'source'), join(base, 'destination')];
  for (const path of [source, destination]) mkdirSync(path);
  return { base, source, destination };
}

const shell = (script: string, cwd: string): string =>
  execFileSync('bash', ['-euc', script], { cwd, encoding: 'utf8' });

const FURNISH = `
  umask 077
  mkdir -p a/b; echo text > a/b/file; chmod 4751 a/b/file; chown 12:3000000000 a/b/file
  ln a/b/file linked; ln -s /etc/passwd absolute; ln -s nowhere dangling; chown -h 7:8 dangling
  mkfifo fifo; chmod 622 fifo; mknod null c 1 3; mknod disk b 7 9; chmod 640 disk
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
  python3 -c 'import os; open(b"bytes\\xff\\xfe", "w").write("x")'
  python3 -c 'import os; os.setxattr("a", "user.note", b"one"); os.setxattr("a/b/file", "trusted.secret", b"\\0two"); os.setxattr("a/b/file", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))'
  truncate -s 64M sparse; printf end >> sparse
  head -c 3000000 /dev/urandom > large
  touch -h -d '1960-01-02 03:04:05.123456789' dangling large; touch -d '2001-01-01' a
  chmod 2771 .
`;
/** Everything that can be told of a tree, by other programs. */
const LIST = `
  find . -printf '%P %y %m %U:%G %n %T@ %l\\n' | LC_ALL=C sort
  find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
  find . \\( -type b -o -type c \\) -print0 | LC_ALL=C sort -z | xargs -0r stat -c '%n %t:%T'
  python3 -c 'import os
for path, dirs, files in os.walk(b"."):
  for name in sorted(dirs + files):
    full = os.path.join(path, name)
    if not os.path.islink(full): print(full, [(x, os.getxattr(full, x)) for x in sorted(os.listxattr(full))])' | LC_ALL=C sort
`;

test('a copy is the same in every respect that other programs can tell', async () => {
  const { base, source, destination } = makeDirectories();
  shell(FURNISH, source);
  await copyTree({ source, destination });
  assert.equal(shell(LIST, destination), shell(LIST, source));
  assert.equal(statSync(join(destination, 'linked')).ino, statSync(join(destination, 'a/b/file')).ino);
  assert.ok(statSync(join(destination, 'sparse')).blocks * 512 < 1_000_000, 'holes stay holes');
  rmSync(base, { recursive: true });
});

test('a file that is one large hole is copied without being read', async () => {
  const { base, source, destination } = makeDirectories();
  shell('truncate -s 4T hole; printf end | dd of=hole bs=1 seek=3T conv=notrunc status=none', source);
  const startMs = performance.now();
  copyTreeNow(source, destination);
  assert.ok(performance.now() - startMs < 2000, 'the hole was read');
  const copy = statSync(join(destination, 'hole'));
  assert.equal(copy.size, 4 * 2 ** 40);
  assert.ok(copy.blocks * 512 < 1_000_000);
  assert.equal(shell('tail -c +$((3 * 2 ** 40 + 1)) hole | head -c 3', destination), 'end');
  rmSync(base, { recursive: true });
});

test('what is there already stays, and links that are there lead nowhere', () => {
  const { base, source, destination } = makeDirectories();
  mkdirSync(join(base, 'outside'));
  writeFileSync(join(base, 'outside/file'), 'untouched');
  mkdirSync(join(source, 'directory'));
  writeFileSync(join(source, 'directory/file'), 'copied');
  writeFileSync(join(source, 'file'), 'copied');
  writeFileSync(join(source, 'mine'), 'copied');
  symlinkSync('../outside', join(destination, 'directory'));
  symlinkSync('../outside/file', join(destination, 'file'));
  writeFileSync(join(destination, 'mine'), 'mine');
  copyTreeNow(source, destination);
  assert.deepEqual(readdirSync(join(base, 'outside')), ['file']);
  assert.equal(readFileSync(join(base, 'outside/file'), 'utf8'), 'untouched');
  assert.equal(readFileSync(join(destination, 'mine'), 'utf8'), 'mine');
  assert.ok(lstatSync(join(destination, 'directory')).isSymbolicLink());
  rmSync(base, { recursive: true });
});

/** Swaps directories for links to elsewhere, at both ends, for as long as it runs. */
const SWAPPER = `
  const { renameSync, symlinkSync, mkdirSync, rmSync } = require('node:fs');
  const { workerData } = require('node:worker_threads');
  const { source, destination, outside } = workerData;
  const tried = (step) => { try { step(); } catch {} };
  for (;;) {
    for (const tree of [source, destination]) {
      for (const name of ['a', 'b', 'c']) {
        tried(() => renameSync(tree + '/' + name, tree + '/.' + name));
        tried(() => symlinkSync(outside, tree + '/' + name));
        tried(() => rmSync(tree + '/' + name));
        tried(() => renameSync(tree + '/.' + name, tree + '/' + name));
      }
    }
  }
`;

test('whoever swaps directories for links while it copies reads and writes nothing outside', async () => {
  const { base, source, destination } = makeDirectories();
  const outside = join(base, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
  const listed = shell(LIST, outside);
  for (const name of ['a', 'b', 'c']) {
    mkdirSync(join(source, name));
    for (let i = 0; i < 20; i++) writeFileSync(join(source, name, `file${i}`), 'x');
  }
  const worker = new Worker(SWAPPER, { eval: true, workerData: { source, destination, outside } });
  try {
    for (const until = performance.now() + 1500; performance.now() < until; ) {
      await copyTree({ source, destination }).catch(() => {});
      const { stdout } = spawnSync('find', [destination, '-name', 'secret'], { encoding: 'utf8' });
      assert.equal(stdout, '');
      spawnSync('sh', ['-c', 'rm -rf "$0"/* "$0"/.[a-c]', destination]);
    }
  } finally {
    await worker.terminate();
  }
  assert.equal(shell(LIST, outside), listed);
  rmSync(base, { recursive: true });
});

test('a full disk is said to be one', async () => {
  const { base, source, destination } = makeDirectories();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', destination]);
  writeFileSync(join(source, 'large'), Buffer.alloc(1_000_000, 1));
  await assert.rejects(copyTree({ source, destination }), { kind: 'resource-exhausted' });
  execFileSync('umount', [destination]);
  rmSync(base, { recursive: true });
});
