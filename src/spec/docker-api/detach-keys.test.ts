import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetachKeys, parseDetachKeys } from './detach-keys.ts';

test('detach keys are read as control characters and letters', () => {
  assert.deepEqual(parseDetachKeys('ctrl-a,z,ctrl-['), [1, 122, 27]);
  assert.deepEqual(parseDetachKeys(undefined), [16, 17]);
  assert.throws(() => parseDetachKeys('ctrl-1'), /Unknown character: 'ctrl-1'/);
});

test('the sequence is found across pieces and nothing of it is passed on', () => {
  const keys = new DetachKeys([16, 17]);
  assert.deepEqual(keys.feed(Buffer.from('ab\x10')), { pass: Buffer.from('ab'), detaches: false });
  assert.deepEqual(keys.feed(Buffer.from('\x11')), { pass: Buffer.alloc(0), detaches: true });
});

test('a broken sequence is passed on whole', () => {
  const keys = new DetachKeys([16, 17]);
  assert.deepEqual(keys.feed(Buffer.from('\x10')).pass, Buffer.alloc(0));
  assert.deepEqual(keys.feed(Buffer.from('\x10x')).pass, Buffer.from('\x10\x10x'));
});
