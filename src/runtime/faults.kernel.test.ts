import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '#/base/delay.ts';
import { isEngineError } from '#/base/errors.ts';
import { newContainerId } from '#/base/ids.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { classifyCreateFailure } from './create-failure.ts';
import { openRuntimeHost } from './testing/runtime-host.ts';

inThrowawayHost();

/** A file system of this size at `path`, for as long as the scope lasts. */
function smallDisk(path: string, size: string): Disposable {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  return { [Symbol.dispose]: () => void execFileSync('umount', [path]) };
}

test('a runtime that is not there is named', async () => {
  await assert.rejects(
    openRuntimeHost({ preferred: 'no-such-runtime' }),
    (error: unknown) => isEngineError(error, 'unavailable') && /no-such-runtime: not installed/.test(error.message),
  );
});

test('runc, when it is preferred, runs tasks and tells missing commands too', async () => {
  await using host = await openRuntimeHost({ preferred: 'runc' });
  assert.equal(host.runtime.info.name, 'runc');
  const { id } = await host.create(['sh', '-c', 'exit 3']);
  await host.runtime.start(id);
  assert.equal((await host.runtime.waitExit(id)).code, 3);
  await host.runtime.delete(id);
  for (const [program, expected] of [
    ['/bin/nope', 'command-not-found'],
    ['/etc', 'command-not-executable'],
  ] as const) {
    await assert.rejects(host.create([program]), (error: unknown) => {
      assert.equal(classifyCreateFailure(String(error)), expected, String(error));
      return true;
    });
  }
  assert.deepEqual(host.leftovers(), []);
});

test('a flood with clients that do not care about it passes through, and kill and wait still finish', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['yes', 'x'.repeat(1000)]);
  const clients = await Promise.all(Array.from({ length: 50 }, () => runtime.attach(id, {})));
  let received = 0;
  for (const client of clients) {
    client.onOutput = (_stream, data) => {
      received += data.length;
    };
  }
  await runtime.start(id);
  for (const client of clients.slice(0, 25)) client.close();
  await sleep(300);
  await runtime.kill(id, 9);
  const exit = await withDeadline(runtime.waitExit(id), 10_000, 'the exit');
  assert.equal(exit.code, 137);
  await Promise.all(clients.map((client) => client.ended));
  assert.ok(received > 1 << 20, `${received}`);
});

test('a task that closes its stdio runs on, and its exit is seen', async () => {
  await using host = await openRuntimeHost();
  const { id } = await host.create(['sh', '-c', 'exec <&- >&- 2>&-; sleep 0.3; exit 4']);
  await host.runtime.start(id);
  await sleep(100);
  assert.equal((await host.runtime.observe(id))?.status, 'running');
  assert.equal((await host.runtime.waitExit(id)).code, 4);
});

test('a task whose program forks away and ends takes its children with it', async () => {
  await using host = await openRuntimeHost();
  const { id } = await host.create(['sh', '-c', 'sleep 1000 & sleep 1000 >/dev/null 2>&1 & exit 6']);
  await host.runtime.start(id);
  assert.equal((await withDeadline(host.runtime.waitExit(id), 5000, 'the exit')).code, 6);
  await host.runtime.delete(id);
  assert.deepEqual(host.leftovers(), []);
});

test('children in the host’s pid namespace that outlive the init are ended by delete', async () => {
  await using host = await openRuntimeHost();
  const id = newContainerId();
  const linux = { cgroupsPath: `/gantry/${id}`, namespaces: [{ type: 'mount' }] as const };
  await host.create(['sh', '-c', 'sleep 4321 & exit 0'], { id, config: { linux } });
  await host.runtime.start(id);
  assert.equal((await withDeadline(host.runtime.waitExit(id), 5000, 'the exit')).code, 0);
  await host.runtime.delete(id);
  assert.deepEqual(host.leftovers(), []);
  assert.doesNotMatch(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }), /sleep 4321/);
});

test('a task whose monitor was killed runs on; its end is 255, not known', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id, pid, monitorPid } = await host.create(['sleep', '100']);
  await runtime.start(id);
  process.kill(monitorPid, 'SIGKILL');
  const ended = runtime.waitExit(id);
  await sleep(1500);
  assert.deepEqual(await runtime.observe(id), { status: 'running', pid, monitorAlive: false });
  assert.equal(await runtime.kill(id, 9), true);
  const { code, known } = await withDeadline(ended, 5000, 'the exit');
  assert.deepEqual({ code, known }, { code: 255, known: false });
  await runtime.delete(id);
  assert.deepEqual(host.leftovers(), []);
});

test('an exit while no engine ran is found by the next one; closing ends the waiting of the last one', async () => {
  await using host = await openRuntimeHost();
  const { id } = await host.create(['sh', '-c', 'sleep 2; exit 8']);
  await host.runtime.start(id);
  const first = await host.reopen();
  const waiting = first.waitExit(id);
  await first.close();
  await assert.rejects(waiting, (error: unknown) => isEngineError(error, 'canceled'));
  await sleep(2500);
  const second = await host.reopen();
  assert.deepEqual(await second.list(), [id]);
  const exit = await second.waitExit(id);
  assert.equal(exit.code, 8);
  assert.ok(Date.now() - exit.finishedAtMs > 150);
});

test('run directories that a killed engine left half-made are listed, seen as stopped or created, and deleted', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const empty = newContainerId();
  mkdirSync(join(host.execRoot, 'c', empty));
  const created = await host.create(['sleep', '100']);
  rmSync(join(host.execRoot, 'c', created.id, 'task.json'));
  assert.deepEqual(new Set(await runtime.list()), new Set([empty, created.id]));
  assert.deepEqual(await runtime.observe(empty), { status: 'stopped', pid: 0, monitorAlive: false });
  assert.equal((await runtime.observe(created.id))?.status, 'created');
  assert.deepEqual((await runtime.waitExit(empty)).known, false);
  for (const id of [empty, created.id]) await runtime.delete(id);
  assert.deepEqual(host.leftovers(), []);
});

test('a full disk under the run directories fails the create with a clear error and leaves nothing', async () => {
  const execRoot = join(tmpdir(), 'full');
  using _disk = smallDisk(execRoot, '256k');
  await using host = await openRuntimeHost({ execRoot });
  for (const keptBytes of [0, 4096, 8192, 16384]) {
    writeFileSync(join(execRoot, 'ballast'), Buffer.alloc(keptBytes));
    try {
      writeFileSync(join(execRoot, 'filler'), Buffer.alloc(1 << 20));
    } catch {}
    rmSync(join(execRoot, 'ballast'));
    await host.create(['true']).then(
      ({ id }) => host.runtime.delete(id),
      (error: unknown) => assert.ok(isEngineError(error), String(error)),
    );
    rmSync(join(execRoot, 'filler'));
    assert.deepEqual((await host.runtime.list()).length + Number(existsSync(join(execRoot, 'crun', 'x'))), 0);
  }
});

test('a full disk under the log costs lines and time, not the task or its exit', async () => {
  const directory = join(tmpdir(), 'full-log');
  using _disk = smallDisk(directory, '256k');
  await using host = await openRuntimeHost();
  const { id } = await host.create(['sh', '-c', 'yes | head -c 40000; exit 5'], { logPath: join(directory, 'log') });
  await host.runtime.start(id);
  await sleep(300);
  execFileSync('mount', ['-o', 'remount,size=64m', directory]);
  assert.equal((await withDeadline(host.runtime.waitExit(id), 10_000, 'the exit')).code, 5);
  assert.ok(readFileSync(join(directory, 'log'), 'utf8').startsWith('20'));
});

test('a task that a full disk under its log holds can be killed, and its exit is known', async () => {
  const directory = join(tmpdir(), 'full-log');
  using _disk = smallDisk(directory, '256k');
  await using host = await openRuntimeHost();
  const { id } = await host.create(['yes'], { logPath: join(directory, 'log') });
  await host.runtime.start(id);
  await sleep(300);
  const ended = host.runtime.waitExit(id);
  await host.runtime.kill(id, 9);
  const { code, known } = await withDeadline(ended, 10_000, 'the exit');
  assert.deepEqual({ code, known }, { code: 137, known: true });
  await host.runtime.delete(id);
  assert.deepEqual(host.leftovers(), []);
});

test('a task that the kernel kills for memory is told apart', async () => {
  await using host = await openRuntimeHost();
  const id = newContainerId();
  const resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
  const namespaces = [{ type: 'pid' }, { type: 'mount' }] as const;
  await host.create(['sh', '-c', 'tail /dev/zero'], {
    id,
    config: { linux: { cgroupsPath: `/gantry/${id}`, namespaces, resources } },
  });
  await host.runtime.start(id);
  const exit = await withDeadline(host.runtime.waitExit(id), 10_000, 'the exit');
  assert.deepEqual([exit.code, exit.oomKilled, exit.known], [137, true, true]);
});

test('many tasks at once start, end and go', async () => {
  await using host = await openRuntimeHost();
  const run = async (n: number): Promise<number> => {
    const { id } = await host.create(['sh', '-c', `exit ${n}`]);
    await host.runtime.start(id);
    const { code } = await host.runtime.waitExit(id);
    await host.runtime.delete(id);
    return code;
  };
  const codes = await Promise.all(Array.from({ length: 20 }, (_, n) => run(n)));
  assert.deepEqual(
    codes,
    Array.from({ length: 20 }, (_, n) => n),
  );
  assert.deepEqual(host.leftovers(), []);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /rootfs /);
});
