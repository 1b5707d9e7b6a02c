import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { bootId, isAlive, readPssBytes, sendSignal } from './proc.ts';
import { processStartTicks } from './process-identity.ts';
import { spawnProgram } from './spawn-program.ts';

test('a process is alive under its own start time only, and until it ends', async () => {
  const program = await spawnProgram('sleep', ['30']);
  const startTicks = processStartTicks(program.pid) ?? 0;
  assert.ok(isAlive({ pid: program.pid, startTicks }));
  assert.ok(!isAlive({ pid: program.pid, startTicks: startTicks - 1 }));
  assert.equal(sendSignal(program.pid, 15), true);
  assert.deepEqual(await program.exited, { code: 143, signal: 'SIGTERM' });
  assert.ok(!isAlive({ pid: program.pid, startTicks }));
  assert.equal(sendSignal(program.pid, 15), false);
});

test('a signal is never sent to a group of processes', () => {
  assert.equal(sendSignal(0, 0), false);
  assert.equal(sendSignal(-1, 0), false);
  assert.throws(
    () => sendSignal(process.pid, 200),
    (error: unknown) => isEngineError(error),
  );
});

test('the memory of a process and the boot are told', () => {
  assert.ok((readPssBytes(process.pid) ?? 0) > 1 << 20);
  assert.equal(readPssBytes(2 ** 22 + 1), undefined);
  assert.match(bootId(), /^[0-9a-f-]{36}$/);
});
