import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { runProgram } from './process.ts';
import { sealProgram } from './sealed-program.ts';

test('a sealed copy of a program runs, cannot be written, and goes when disposed', async () => {
  const sealed = sealProgram('/bin/sh');
  const { code, stdout } = await runProgram(sealed.path, ['-c', 'echo hello']);
  assert.deepEqual([code, stdout], [0, 'hello\n']);
  assert.throws(() => writeFileSync(sealed.path, 'x'), { code: 'EPERM' });
  sealed[Symbol.dispose]();
  assert.equal(existsSync(sealed.path), false);
});

test('a program that is not there cannot be sealed', () => {
  assert.throws(
    () => sealProgram('/nonexistent'),
    (error: unknown) => !isEngineError(error, 'internal'),
  );
});
