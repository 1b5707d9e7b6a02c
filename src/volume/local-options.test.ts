import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLocalOptions, localMountOf } from './local-options.ts';
import { checkVolumeName, isVolumeName, newVolumeName } from './volume-names.ts';

test('options of the local driver come in sets', () => {
  checkLocalOptions('v', {});
  checkLocalOptions('v', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' });
  checkLocalOptions('v', { size: '0' });
  for (const [options, text] of [
    [{ type: 'tmpfs' }, 'create v: missing required option: "device"'],
    [{ device: '/x' }, 'create v: missing required option: "type"'],
    [{ o: 'ro' }, 'create v: missing required option: "device"'],
    [{ color: 'red' }, 'create v: invalid option: "color"'],
    [{ size: 'big' }, "create v: invalid size: 'big'"],
    [{ size: '10 GiB' }, 'create v: quota size requested but no quota support'],
  ] as const) {
    assert.throws(() => checkLocalOptions('v', options), { kind: 'invalid-argument', message: text });
  }
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
