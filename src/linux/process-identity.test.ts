import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { poll } from '#/base/delay.ts';
import { processStartTicks, unreapedExitCode } from './process-identity.ts';

test('a process is known by when it started, until it ends', async () => {
  const own = processStartTicks(process.pid);
  assert.ok(own !== undefined && own > 0);
  const child = spawn('sleep', ['100']);
  await once(child, 'spawn');
  const ticks = processStartTicks(child.pid ?? 0);
  assert.ok(ticks !== undefined && ticks >= own);
  assert.equal(unreapedExitCode(child.pid ?? 0, ticks), undefined);
  child.kill();
  await once(child, 'exit');
  assert.equal(processStartTicks(child.pid ?? 0), undefined);
  assert.equal(processStartTicks(0), undefined);
});

test('the exit code of a process that its parent does not reap is readable', async () => {
  // The shell becomes a sleep, which never reaps its child.
  for (const [end, expected] of [
    ['exit 7', 7],
    ['kill -KILL $$', 137],
  ] as const) {
    const parent = spawn('sh', ['-c', `sh -c 'read x; ${end}' <&3 & echo $!; exec sleep 100`], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const [line] = await once(parent.stdout ?? parent, 'data');
    const pid = Number(String(line));
    const ticks = processStartTicks(pid) ?? 0;
    const gate = parent.stdio[3];
    assert.ok(gate && 'end' in gate);
    gate.end('go\n');
    const code = await poll(() => unreapedExitCode(pid, ticks), { intervalMs: 5, timeoutMs: 5000 });
    assert.equal(code, expected);
    assert.equal(unreapedExitCode(pid, ticks + 1), undefined);
    parent.kill();
    await once(parent, 'exit');
  }
});
