import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { poll } from '#/base/delay.ts';
import { isEngineError } from '#/base/errors.ts';
import type { OciProcess } from '#/spec/oci/runtime.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { classifyCreateFailure } from './create-failure.ts';
import type { ExecSessionSpec } from './runtime.ts';
import { collectOutput, openRuntimeHost, type RuntimeHost, taskProcess } from './testing/runtime-host.ts';

inThrowawayHost();

function session(
  args: readonly string[],
  change: Partial<ExecSessionSpec> & { process?: OciProcess } = {},
): ExecSessionSpec {
  return { sessionId: 'e1', openStdin: false, detached: false, process: taskProcess({ args }), ...change };
}
const onTerminal = (...args: string[]) => ({ process: taskProcess({ args, terminal: true }) });

async function withTask(
  body: (host: RuntimeHost, id: Awaited<ReturnType<RuntimeHost['create']>>['id']) => Promise<void>,
) {
  await using host = await openRuntimeHost();
  const { id } = await host.create(['sleep', '100']);
  await host.runtime.start(id);
  const before = readdirSync(`${host.execRoot}/c/${id}`);
  await body(host, id);
  const after = () => readdirSync(`${host.execRoot}/c/${id}`);
  await poll(() => (after().length === before.length ? true : undefined), { intervalMs: 5, timeoutMs: 30_000 });
  assert.deepEqual(after(), before);
}

test('a session has its own stdin, stdout, stderr and exit code, and can open /dev/stdout again', async () => {
  await withTask(async ({ runtime }, id) => {
    const exec = await runtime.exec(
      id,
      session(['sh', '-c', 'read line; echo got $line > /dev/stdout; echo err > /dev/stderr; cat; exit 5'], {
        openStdin: true,
      }),
    );
    const { stdio } = exec;
    assert.ok(stdio !== undefined && exec.pid > 0);
    const output = collectOutput(stdio);
    await stdio.write(Buffer.from('hello\nrest'));
    await stdio.endInput();
    assert.equal(await exec.exited, 5);
    await stdio.ended;
    assert.deepEqual(output, { stdout: 'got hello\nrest', stderr: 'err\n' });
    await assert.rejects(stdio.write(Buffer.from('x')), (error: unknown) => isEngineError(error, 'unavailable'));
  });
});

test('another user may open the streams of its session too', async () => {
  await withTask(async ({ runtime }, id) => {
    const process = taskProcess({ args: ['sh', '-c', 'id -u > /dev/stderr'], user: { uid: 1000, gid: 1000 } });
    const exec = await runtime.exec(id, session([], { process }));
    assert.ok(exec.stdio !== undefined);
    const output = collectOutput(exec.stdio);
    assert.equal(await exec.exited, 0);
    await exec.stdio.ended;
    assert.equal(output.stderr, '1000\n');
  });
});

test('a command that is missing or a missing directory fails the session, on pipes and on a terminal', async () => {
  await withTask(async ({ runtime }, id) => {
    for (const terminal of [false, true]) {
      const process = taskProcess({ args: ['nope'], terminal });
      await assert.rejects(runtime.exec(id, session([], { process })), (error: unknown) => {
        assert.ok(isEngineError(error, 'invalid-argument'), String(error));
        assert.equal(classifyCreateFailure(error.message), 'command-not-found');
        return true;
      });
      const lost = taskProcess({ args: ['true'], cwd: '/nonexistent', terminal });
      await assert.rejects(runtime.exec(id, session([], { process: lost })), /nonexistent/);
    }
  });
});

test('a session on a terminal is resized, reads what is typed, and tells its code', async () => {
  await withTask(async ({ runtime }, id) => {
    const exec = await runtime.exec(
      id,
      session([], { ...onTerminal('sh', '-c', 'read x; stty size; exit 9'), openStdin: true }),
    );
    assert.ok(exec.stdio !== undefined && exec.pid > 0);
    const output = collectOutput(exec.stdio);
    await exec.resize({ rows: 33, columns: 44 });
    await exec.stdio.write(Buffer.from('go\n'));
    assert.equal(await exec.exited, 9);
    await exec.stdio.ended;
    assert.match(output.stdout, /33 44\r\n/);
  });
});

test('detached sessions run unheard, on a terminal too', async () => {
  await withTask(async ({ runtime }, id) => {
    const plain = await runtime.exec(id, session(['sh', '-c', 'echo lost; exit 3'], { detached: true }));
    assert.equal(plain.stdio, undefined);
    assert.equal(await plain.exited, 3);
    const terminal = await runtime.exec(
      id,
      session([], { ...onTerminal('sh', '-c', 'yes | head -c 100000; exit 4'), detached: true }),
    );
    assert.equal(terminal.stdio, undefined);
    assert.equal(await terminal.exited, 4);
  });
});

test('sessions are killed, on pipes and on a terminal', async () => {
  await withTask(async ({ runtime }, id) => {
    for (const terminal of [false, true]) {
      const exec = await runtime.exec(id, session([], { process: taskProcess({ args: ['sleep', '100'], terminal }) }));
      await exec.kill(9);
      assert.equal(await exec.exited, 137);
    }
  });
});

test('sessions end when their container does', async () => {
  await using host = await openRuntimeHost();
  const { id } = await host.create(['sleep', '100']);
  await host.runtime.start(id);
  const plain = await host.runtime.exec(id, session(['sleep', '50']));
  const terminal = await host.runtime.exec(id, session([], { ...onTerminal('sleep', '50'), sessionId: 'e2' }));
  await host.runtime.delete(id);
  assert.equal(await plain.exited, 137);
  assert.equal(await terminal.exited, 137);
  assert.deepEqual(host.leftovers(), []);
});
