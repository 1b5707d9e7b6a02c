import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { newContainerId } from '#/base/ids.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { classifyCreateFailure } from './create-failure.ts';
import { collectOutput, openRuntimeHost } from './testing/runtime-host.ts';

inThrowawayHost();

test('a task is created, started, prints to its log, ends with its code and leaves nothing', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id, pid, monitorPid } = await host.create(['sh', '-c', 'echo out; echo err >&2; exit 7']);
  assert.ok(pid > 0 && monitorPid > 0);
  assert.deepEqual(await runtime.observe(id), { status: 'created', pid, monitorAlive: true });
  const attached = await runtime.attach(id, {});
  const output = collectOutput(attached);
  await runtime.start(id);
  const exit = await runtime.waitExit(id);
  assert.deepEqual({ ...exit, finishedAtMs: 0 }, { code: 7, known: true, oomKilled: false, finishedAtMs: 0 });
  assert.ok(Math.abs(exit.finishedAtMs - Date.now()) < 5000);
  await attached.ended;
  assert.deepEqual(output, { stdout: 'out\n', stderr: 'err\n' });
  assert.equal((await runtime.observe(id))?.status, 'stopped');
  await runtime.delete(id);
  assert.deepEqual(host.leftovers(), []);
  assert.equal(await runtime.observe(id), undefined);
  await runtime.delete(id);
  const log = readFileSync(host.logPath(id), 'utf8').split('\n');
  assert.match(log[0] ?? '', / stdout F out$/);
  assert.match(log[1] ?? '', / stderr F err$/);
});

test('a running task is killed by signal; killing it again does nothing', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['sleep', '100']);
  await runtime.start(id);
  assert.equal((await runtime.observe(id))?.status, 'running');
  assert.equal(await runtime.kill(id, 9), true);
  assert.equal((await runtime.waitExit(id)).code, 137);
  assert.equal(await runtime.kill(id, 9), false);
  assert.equal(await runtime.kill(id, 9, { all: true }), false);
});

test('a task pauses, is seen paused by a new engine, and resumes', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['sleep', '100']);
  await runtime.start(id);
  await runtime.pause(id);
  const restarted = await host.reopen();
  assert.equal((await restarted.observe(id))?.status, 'paused');
  await restarted.resume(id);
  assert.equal((await runtime.observe(id))?.status, 'running');
  await runtime.update(id, { memory: { limit: 64 << 20 } });
  assert.equal(readFileSync(`/sys/fs/cgroup/memory/gantry/${id}/memory.limit_in_bytes`, 'utf8').trim(), `${64 << 20}`);
});

test('a command that is missing, a directory or not executable fails the create and leaves nothing', async () => {
  await using host = await openRuntimeHost();
  writeFileSync(`${host.rootfs}/etc/passwd`, 'root:x:0:0::/:/bin/sh\n', { mode: 0o644 });
  for (const [program, expected] of [
    ['nope', 'command-not-found'],
    ['/bin/nope', 'command-not-found'],
    ['/etc', 'command-not-executable'],
    ['/etc/passwd', 'command-not-executable'],
  ] as const) {
    for (const terminal of [false, true]) {
      await assert.rejects(host.create([program], { terminal }), (error: unknown) => {
        assert.ok(isEngineError(error, 'invalid-argument'), `${program}: ${error}`);
        assert.equal(classifyCreateFailure(error.message), expected, `${program}: ${error.message}`);
        return true;
      });
      assert.deepEqual(host.leftovers(), []);
    }
  }
});

test('waiting for, deleting and observing a task that never was', async () => {
  await using host = await openRuntimeHost();
  const id = newContainerId();
  await assert.rejects(host.runtime.waitExit(id), (error: unknown) => isEngineError(error, 'not-found'));
  await assert.rejects(host.runtime.attach(id, {}), (error: unknown) => isEngineError(error, 'not-found'));
  assert.equal(await host.runtime.observe(id), undefined);
  assert.equal(await host.runtime.kill(id, 15), false);
  await host.runtime.delete(id);
});
