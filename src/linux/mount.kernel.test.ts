import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { bindMount, MS, makePrivate, mount, unmount } from './mount.ts';
import { findMount, listMounts } from './mount-info.ts';
import { mountOverlay } from './overlay.ts';

inThrowawayHost();

const root = mkdtempSync(join(tmpdir(), 'mount-'));
const directory = (name: string): string => {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  return path;
};
const findmnt = (target: string) =>
  JSON.parse(execFileSync('findmnt', ['-J', '-o', 'TARGET,FSTYPE,OPTIONS,PROPAGATION', '-M', target]).toString())
    .filesystems[0];

test('a tmpfs is mounted with its options and unmounted once', async () => {
  const target = directory('tmp fs');
  mount('tmpfs', target, 'tmpfs', MS.NOSUID | MS.NODEV, 'size=1m');
  assert.match(findmnt(target).options, /nosuid,nodev.*size=1024k/);
  assert.equal(findMount(target)?.type, 'tmpfs');
  assert.equal(await unmount(target), true);
  assert.equal(await unmount(target), false);
  assert.equal(await unmount(join(root, 'absent')), false);
});

test('a busy mount is a conflict, and detaching takes it all the same', async () => {
  const target = directory('busy');
  mount('tmpfs', target, 'tmpfs', 0);
  const fd = openSync(join(target, 'file'), 'w');
  await assert.rejects(
    unmount(target),
    (error: unknown) => isEngineError(error, 'conflict') && error.errno === 'EBUSY',
  );
  assert.equal(await unmount(target, { detach: true }), true);
  closeSync(fd);
});

test('a file system that the kernel does not know is refused, naming what was attempted', () => {
  const target = directory('unknown');
  assert.throws(
    () => mount('none', target, 'no-such-fs', 0),
    (error: unknown) => isEngineError(error) && error.errno === 'ENODEV' && error.message.includes(target),
  );
});

test('binds show the source, read-only where asked, with or without the mounts below', async () => {
  const source = directory('source');
  mount('tmpfs', directory('source/below'), 'tmpfs', 0);
  writeFileSync(join(source, 'below/file'), 'x');
  const shallow = directory('shallow');
  const deep = directory('deep');
  bindMount(source, shallow, { readOnly: true });
  bindMount(source, deep, { recursive: true });
  assert.equal(existsSync(join(shallow, 'below/file')), false);
  assert.throws(() => writeFileSync(join(shallow, 'new'), ''), { code: 'EROFS' });
  assert.equal(existsSync(join(deep, 'below/file')), true);
  for (const { target } of listMounts(root).toReversed()) assert.equal(await unmount(target), true);
  assert.deepEqual(listMounts(root), []);
});

test('a shared mount becomes private', async () => {
  const target = directory('shared');
  mount('tmpfs', target, 'tmpfs', 0);
  execFileSync('mount', ['--make-shared', target]);
  assert.equal(findmnt(target).propagation, 'shared');
  makePrivate(target);
  assert.equal(findmnt(target).propagation, 'private');
  await unmount(target);
});

test('an overlay of many long-named layers shows the topmost file and keeps writes in the upper directory', async () => {
  const base = directory('overlay');
  mount('tmpfs', base, 'tmpfs', 0);
  const lowerDirectories = Array.from({ length: 120 }, (_, i) => directory(`overlay/${'layer'.repeat(16)}${i}`));
  for (const [i, lower] of lowerDirectories.entries()) {
    writeFileSync(join(lower, 'who'), String(i));
    writeFileSync(join(lower, `only-${i}`), '');
  }
  const [upper, work, target] = [directory('overlay/upper'), directory('overlay/work'), directory('overlay/merged')];
  mountOverlay({ lowerDirectories, writable: { upper, work }, target, volatile: true });
  assert.equal(readFileSync(join(target, 'who'), 'utf8'), '0');
  assert.equal(readdirSync(target).length, 121);
  writeFileSync(join(target, 'written'), 'x');
  assert.deepEqual(readdirSync(upper), ['written']);
  assert.match(findmnt(target).options, /volatile/);
  await unmount(target);
  await unmount(base);
});

test('an overlay without a writable directory is read-only, with one layer as with two', async () => {
  const base = directory('ro');
  mount('tmpfs', base, 'tmpfs', 0);
  const layers = [directory('ro/a,b'), directory('ro/c:d')];
  for (const layer of layers) writeFileSync(join(layer, layer.slice(-1)), '');
  const target = directory('ro/merged');
  for (const lowerDirectories of [layers.slice(0, 1), layers]) {
    mountOverlay({ lowerDirectories, target });
    assert.equal(readdirSync(target).length, lowerDirectories.length);
    assert.throws(() => writeFileSync(join(target, 'new'), ''), { code: 'EROFS' });
    await unmount(target);
  }
  await unmount(base);
});

test('layers with paths too long for the new interface go through mount(2); too many of them are refused', async () => {
  const base = directory('long');
  mount('tmpfs', base, 'tmpfs', 0);
  const deep = `long/${'x'.repeat(200)}`;
  const layers = Array.from({ length: 20 }, (_, i) => directory(`${deep}/${'y,:'.repeat(30)}${i}`));
  const target = directory('long/merged');
  mountOverlay({ lowerDirectories: layers.slice(0, 4), target });
  assert.equal(findMount(target)?.type, 'overlay');
  await unmount(target);
  assert.throws(
    () => mountOverlay({ lowerDirectories: layers, target }),
    (error: unknown) => isEngineError(error, 'resource-exhausted') && /20 layers/.test(error.message),
  );
  await unmount(base);
});

test('a layer that is missing is refused with the kernel’s own explanation', () => {
  const target = directory('missing');
  assert.throws(
    () => mountOverlay({ lowerDirectories: ['/nonexistent/1', '/nonexistent/2'], target }),
    (error: unknown) => isEngineError(error, 'not-found') && /nonexistent\/1|ENOENT/.test(error.message),
  );
});
