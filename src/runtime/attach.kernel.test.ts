import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { collectOutput, openRuntimeHost } from './testing/runtime-host.ts';

inThrowawayHost();

test('several clients attach at once: all see the output, any may type, and one that leaves disturbs nobody', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['cat'], { openStdin: true });
  const [a, b, c] = [await runtime.attach(id, {}), await runtime.attach(id, {}), await runtime.attach(id, {})];
  const outputs = [a, b].map(collectOutput);
  await runtime.start(id);
  c.close();
  c.close();
  await c.ended;
  await a.write(Buffer.from('one\n'));
  await b.write(Buffer.from('two\n'));
  a.close();
  await b.write(Buffer.from('three\n'));
  await b.endInput();
  assert.equal((await runtime.observe(id))?.status, 'running');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(outputs[1]?.stdout, 'one\ntwo\nthree\n');
  await runtime.kill(id, 9);
  await runtime.waitExit(id);
  await b.ended;
  await assert.rejects(runtime.attach(id, {}), (error: unknown) => isEngineError(error, 'not-found'));
});

test('with stdin for one client, its end of input ends the task, and an earlier listener that leaves does not', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['sh', '-c', 'cat; exit 3'], { openStdin: true, stdinOnce: true });
  const listener = await runtime.attach(id, {});
  const client = await runtime.attach(id, {});
  const output = collectOutput(client);
  await runtime.start(id);
  listener.close();
  await listener.ended;
  await client.write(Buffer.from('still open\n'));
  await client.endInput();
  assert.equal((await runtime.waitExit(id)).code, 3);
  await client.ended;
  assert.equal(output.stdout, 'still open\n');
});

test('megabytes go in and out unchanged', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['cat'], { openStdin: true, stdinOnce: true });
  const client = await runtime.attach(id, {});
  const sent = createHash('sha256');
  const received = createHash('sha256');
  client.onOutput = (_stream, data) => void received.update(data);
  await runtime.start(id);
  for (let i = 0; i < 16; i++) {
    const data = Buffer.alloc(1_000_003, `block ${i} `);
    sent.update(data);
    await client.write(data);
  }
  await client.endInput();
  await client.ended;
  assert.equal(received.digest('hex'), sent.digest('hex'));
});

test('a terminal is resized before and after start, and takes what is typed', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['sh', '-c', 'stty size; read x; stty size'], { terminal: true, openStdin: true });
  const client = await runtime.attach(id, {});
  const output = collectOutput(client);
  await runtime.resize(id, { rows: 11, columns: 22 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await runtime.start(id);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await runtime.resize(id, { rows: 33, columns: 44 });
  await client.write(Buffer.from('go\n'));
  assert.equal((await runtime.waitExit(id)).code, 0);
  await client.ended;
  assert.match(output.stdout, /^11 22\r\n[\s\S]*33 44\r\n$/);
  await runtime.delete(id);
  await assert.rejects(runtime.resize(id, { rows: 1, columns: 1 }), (error: unknown) =>
    isEngineError(error, 'unavailable'),
  );
});

test('a log that is rotated in the middle of a flood loses no line', async () => {
  await using host = await openRuntimeHost();
  const { runtime } = host;
  const { id } = await host.create(['sh', '-c', 'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done']);
  const log = host.logPath(id);
  await runtime.start(id);
  for (let n = 3; n >= 1; n--) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await runtime.rotateLog(id, `${log}.${n}`);
  }
  await runtime.waitExit(id);
  const text = [3, 2, 1].map((n) => readFileSync(`${log}.${n}`, 'utf8')).join('') + readFileSync(log, 'utf8');
  // "P" is a piece of a line that goes on in the next entry.
  const written = text.replaceAll(/^\S+ stdout ([PF]) (.*)\n/gm, (_, tag, data) => (tag === 'F' ? `${data}\n` : data));
  assert.equal(written, Array.from({ length: 20000 }, (_, i) => `line ${i}\n`).join(''));
});
