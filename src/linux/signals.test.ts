import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { parseSignal } from './signals.ts';

test('signals are numbers or names, with or without SIG, in any case', () => {
  for (const text of ['SIGTERM', 'TERM', 'sigterm', '15']) assert.equal(parseSignal(text), 15);
  assert.equal(parseSignal('SIGRTMIN+3'), 37);
  assert.equal(parseSignal('SIGRTMAX-1'), 63);
  assert.equal(parseSignal('RTMAX'), 64);
});

test('anything else is refused with the text that Docker prints', () => {
  for (const text of ['', '0', '65', '-1', 'SIGFOO', '15x']) {
    assert.throws(
      () => parseSignal(text),
      (error: unknown) => isEngineError(error, 'invalid-argument') && error.message === `invalid signal: ${text}`,
    );
  }
});
