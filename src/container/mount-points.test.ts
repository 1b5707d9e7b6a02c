import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { plantMountPoints, refuseMountTarget, resolveInRoot } from './mount-points.ts';

function withRoot(body: (root: string, outside: string) => void): void {
  const base = mkdtempSync(join(tmpdir(), 'gantry-points-'));
  const [root, outside] = [join(base, 'root'), join(base, 'outside')];
  try {
    mkdirSync(root);
    mkdirSync(outside);
    body(root, outside);
  } finally {
    rmSync(base, { recursive: true });
  }
}

test('links in the place of mount points are replaced, and what they point to is left alone', () => {
  withRoot((root, outside) => {
    writeFileSync(join(outside, 'hosts'), 'of the host');
    for (const name of ['dev', 'proc']) symlinkSync(outside, join(root, name));
    writeFileSync(join(root, 'sys'), 'a file');
    mkdirSync(join(root, 'etc'));
    symlinkSync(join(outside, 'hosts'), join(root, 'etc/hosts'));
    writeFileSync(join(root, 'etc/hostname'), 'of the image');
    plantMountPoints(root);
    for (const name of ['dev', 'proc', 'sys', 'etc']) assert.ok(lstatSync(join(root, name)).isDirectory(), name);
    assert.ok(lstatSync(join(root, 'etc/hosts')).isFile());
    assert.equal(readFileSync(join(root, 'etc/hostname'), 'utf8'), 'of the image');
    assert.equal(readFileSync(join(outside, 'hosts'), 'utf8'), 'of the host');
  });
});

test('paths are resolved inside the root, whatever their links say', () => {
  withRoot((root) => {
    mkdirSync(join(root, 'usr/sbin'), { recursive: true });
    symlinkSync('usr/sbin', join(root, 'sbin'));
    symlinkSync('/proc', join(root, 'p'));
    symlinkSync('../../../../etc', join(root, 'up'));
    symlinkSync('loop', join(root, 'loop'));
    assert.equal(resolveInRoot(root, '/sbin/init'), '/usr/sbin/init');
    assert.equal(resolveInRoot(root, '/p/self//attr/'), '/proc/self/attr');
    assert.equal(resolveInRoot(root, '/up/passwd'), '/etc/passwd');
    assert.equal(resolveInRoot(root, '/../a/./b/../c'), '/a/c');
    assert.throws(() => resolveInRoot(root, '/loop/x'), /goes round in symbolic links/);
  });
});

test('nothing is mounted on the root, nor on /proc but itself and files that only inform', () => {
  assert.throws(() => refuseMountTarget('/', '/tmp'), /can't be '\/'/);
  assert.throws(() => refuseMountTarget('/proc', '/tmp'), /not of type proc/);
  assert.throws(() => refuseMountTarget('/proc/self/attr', '/tmp'), /inside \/proc/);
  refuseMountTarget('/proc', '/proc');
  refuseMountTarget('/proc/meminfo', '/tmp/x');
  refuseMountTarget('/process', '/tmp');
});
