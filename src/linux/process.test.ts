import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { findProgram } from './find-program.ts';
import { runProgram } from './process.ts';
import { spawnProgram } from './spawn-program.ts';

test('a program gets its input, environment and directory, and its output and code come back', async () => {
  const result = await runProgram('sh', ['-c', 'cat; echo $WHO; pwd; echo oops >&2; exit 3'], {
    stdin: 'hello\n',
    env: { WHO: 'me', PATH: '/usr/bin:/bin' },
    cwd: '/usr',
  });
  assert.deepEqual(result, { code: 3, signal: undefined, stdout: 'hello\nme\n/usr\n', stderr: 'oops\n' });
});

test('a program that is not installed is not-found and named', async () => {
  const missing = (error: unknown) => isEngineError(error, 'not-found') && /no-such-thing/.test(error.message);
  await assert.rejects(runProgram('no-such-thing', []), missing);
  await assert.rejects(runProgram('/usr/bin/no-such-thing', []), missing);
  await assert.rejects(spawnProgram('no-such-thing', []), missing);
});

test('a program killed by a signal ends with 128 and its number', async () => {
  const { code, signal } = await runProgram('sh', ['-c', 'kill -TERM $$']);
  assert.deepEqual({ code, signal }, { code: 143, signal: 'SIGTERM' });
});

test('a program that takes too long is killed, also when a child of its own holds the pipes', async () => {
  const began = performance.now();
  await assert.rejects(runProgram('sh', ['-c', 'sleep 4 & wait'], { timeoutMs: 100 }), (error: unknown) =>
    isEngineError(error, 'deadline-exceeded'),
  );
  assert.ok(performance.now() - began < 3000);
});

test('an aborted signal kills the program', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(runProgram('sleep', ['5'], { signal: stop.signal }), (error: unknown) =>
    isEngineError(error, 'canceled'),
  );
});

test('output beyond the limit is an error, not memory', async () => {
  await assert.rejects(runProgram('sh', ['-c', 'yes'], { maxOutputBytes: 1000 }), (error: unknown) =>
    isEngineError(error, 'resource-exhausted'),
  );
});

test('input that nobody reads is not an error', async () => {
  assert.equal((await runProgram('true', [], { stdin: 'x'.repeat(1 << 20) })).code, 0);
});

test('a spawned program has further descriptors and tells its end', async () => {
  const program = await spawnProgram('sh', ['-c', 'echo three >&3; exit 5'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  assert.ok(program.pid > 0);
  const third = program.stdio[3];
  assert.ok(third !== null && third !== undefined && 'read' in third);
  assert.equal(await text(third), 'three\n');
  assert.deepEqual(await program.exited, { code: 5, signal: undefined });
});

test('a pipe may go to any descriptor of the program, and it minds SIGPIPE again', async () => {
  const program = await spawnProgram('sh', ['-c', 'cat <&3 >&4; yes | head -1 >/dev/null; echo done >&4'], {
    stdio: ['ignore', 'ignore', 'ignore', 'input-pipe', 'pipe'],
  });
  const [, , , input, output] = program.stdio;
  assert.ok(input && 'write' in input && output && 'read' in output);
  input.end('through three');
  assert.equal(await text(output), 'through threedone\n');
  assert.equal((await program.exited).code, 0);
});

test('programs are found beyond PATH', () => {
  const path = process.env.PATH;
  process.env.PATH = '';
  try {
    assert.match(findProgram('ip') ?? '', /\/ip$/);
    assert.equal(findProgram('no-such-thing'), undefined);
  } finally {
    process.env.PATH = path;
  }
});
