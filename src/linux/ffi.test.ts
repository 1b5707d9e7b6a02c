import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import { isEngineError } from '#/base/errors.ts';
import { declareSyscall, errnoName, ownFd } from './ffi.ts';

const rmdir = declareSyscall<[string]>('int rmdir(const char *path)');

test('a failing call becomes an EngineError that carries the errno', () => {
  assert.throws(
    () => rmdir.call('remove /nonexistent/x', '/nonexistent/x'),
    (error: unknown) => isEngineError(error, 'not-found') && error.errno === 'ENOENT' && /remove/.test(error.message),
  );
});

test('a failing asynchronous call keeps its errno', async () => {
  await assert.rejects(rmdir.callAsync('remove /proc', '/proc'), (error: unknown) => {
    return isEngineError(error) && error.errno === 'EBUSY';
  });
});

test('attempt returns the failure as a value', () => {
  assert.deepEqual(rmdir.attempt('/nonexistent'), { value: -1, errno: 'ENOENT' });
});

test('calls work in a worker thread too', async () => {
  const module = new URL('./ffi.ts', import.meta.url).href;
  const code = `const { declareSyscall } = await import(${JSON.stringify(module)});
    const { parentPort } = await import('node:worker_threads');
    parentPort.postMessage(declareSyscall('int getpid()').attempt().value);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.once('message', resolve).once('error', reject);
  assert.equal(await promise, process.pid);
  await worker.terminate();
});

test('errno names are those of the kernel', () => {
  assert.equal(errnoName(2), 'ENOENT');
  assert.equal(errnoName(-17), 'EEXIST');
  assert.equal(errnoName(117), 'EUCLEAN');
  assert.equal(errnoName(4000), 'errno 4000');
});

test('an owned descriptor is closed once, and not after it was released', () => {
  const fd = openSync('/dev/null', 'r');
  ownFd(fd)[Symbol.dispose]();
  assert.throws(() => closeSync(fd), { code: 'EBADF' });
  const kept = openSync('/dev/null', 'r');
  const owned = ownFd(kept);
  assert.equal(owned.release(), kept);
  owned[Symbol.dispose]();
  closeSync(kept);
});
