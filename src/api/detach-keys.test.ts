import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetachDetector, parseDetachKeys } from './detach-keys.ts';

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

test('detach keys are control characters or single keys', () => {
  assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), bytes(16, 17));
  assert.deepEqual(parseDetachKeys('a,ctrl-@,ctrl-['), bytes(97, 0, 27));
  assert.throws(() => parseDetachKeys('ctrl-p,enter'), { kind: 'invalid-argument' });
});

test('the keys are found over chunk borders and are not passed on', () => {
  const detector = new DetachDetector(bytes(16, 17));
  assert.deepEqual(detector.take(bytes(1, 16)), { input: bytes(1), detached: false });
  assert.deepEqual(detector.take(bytes(17, 5)), { input: bytes(), detached: true });
});

test('what only began like the keys is input after all', () => {
  const detector = new DetachDetector(bytes(16, 17));
  assert.deepEqual(detector.take(bytes(16)), { input: bytes(), detached: false });
  assert.deepEqual(detector.take(bytes(16, 9)), { input: bytes(16, 16, 9), detached: false });
});
