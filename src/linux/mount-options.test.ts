import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountOptions } from './mount-options.ts';

test('options of mount(8) become bits, and what the kernel has no bits for stays text', () => {
  assert.deepEqual(parseMountOptions('ro,noexec,size=1m,uid=1000'), {
    flags: 1 | 8,
    propagation: 0,
    data: 'size=1m,uid=1000',
  });
  assert.equal(parseMountOptions('constructor').data, 'constructor');
  assert.deepEqual(parseMountOptions('rbind,rslave'), {
    flags: 0x1000 | 0x4000,
    propagation: 0x80000 | 0x4000,
    data: '',
  });
});

test('of opposites the last one counts', () => {
  assert.equal(parseMountOptions('ro,nosuid,rw').flags, 2);
  assert.deepEqual(parseMountOptions(',,'), { flags: 0, propagation: 0, data: '' });
});
