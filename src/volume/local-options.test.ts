import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLocalOptions, localMountOf, sizeLimitOf } from './local-options.ts';
import { checkVolumeName, isVolumeName, newVolumeName } from './volume-names.ts';

const none = { quotas: false };

test('options of the local driver come in sets', () => {
  checkLocalOptions('v', {}, none);
  checkLocalOptions('v', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }, none);
  checkLocalOptions('v', { size: '0' }, none);
  for (const [options, text] of [
    [{ type: 'tmpfs' }, 'create v: missing required option: "device"'],
    [{ device: '/x' }, 'create v: missing required option: "type"'],
    [{ o: 'ro' }, 'create v: missing required option: "device"'],
    [{ color: 'red' }, 'create v: invalid option: "color"'],
    [{ size: 'big' }, "create v: invalid size: 'big'"],
    [{ size: '10 GiB' }, 'create v: quota size requested but no quota support'],
  ] as const) {
    assert.throws(() => checkLocalOptions('v', options, none), { kind: 'invalid-argument', message: text });
  }
});

test('a size is a quota of the directory, where the file system keeps quotas', () => {
  checkLocalOptions('v', { size: '1.5g' }, { quotas: true });
  assert.equal(sizeLimitOf({ size: '1.5g' }), 1.5 * 1024 ** 3);
  assert.deepEqual([{ size: '10 MiB' }, { size: '7' }, {}].map(sizeLimitOf), [10 * 1024 ** 2, 7, 0]);
  const mounted = { type: 'tmpfs', device: 'tmpfs', size: '1g' };
  assert.throws(() => checkLocalOptions('v', mounted, { quotas: true }), /no quota support/);
});

test('a volume is a directory unless its options name something to mount', () => {
  assert.equal(localMountOf({}), undefined);
  assert.equal(localMountOf({ type: '', device: '' }), undefined);
  assert.deepEqual(localMountOf({ type: 'nfs', device: ':/x', o: 'addr=1.2.3.4' }), {
    type: 'nfs',
    device: ':/x',
    options: 'addr=1.2.3.4',
  });
});

test('a name is one component that hides nothing and leads nowhere', () => {
  for (const name of ['ab', '0x', 'a.b-c_d', newVolumeName(), 'a'.repeat(255)]) assert.ok(isVolumeName(name), name);
  const bad = ['', 'a', '.', '..', '.a', '-a', 'a/b', '../a', 'a\0b', 'a\nb', 'ab\n', 'é1', 'a b', 'a'.repeat(256)];
  for (const name of bad) {
    assert.ok(!isVolumeName(name), JSON.stringify(name));
    assert.throws(() => checkVolumeName(name), { kind: 'invalid-argument' });
  }
});
