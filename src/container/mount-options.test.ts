import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MountSpec } from './config.ts';
import { bindOptions } from './mount-options.ts';

type Bind = Extract<MountSpec, { kind: 'bind' }>;
const on = (kernelVersion: string) => ({ host: { kernelVersion } }) as unknown as Parameters<typeof bindOptions>[0];
const bind = (over: Partial<Bind>): Bind => ({
  kind: 'bind',
  source: '/',
  target: '/x',
  readOnly: true,
  propagation: 'rprivate',
  recursive: true,
  readOnlyRecursive: 'preferred',
  createSource: false,
  writtenMode: undefined,
  ...over,
});

test('read-only goes down to what is mounted below where the kernel can', () => {
  assert.deepEqual(bindOptions(on('6.1.0'), bind({})), ['rbind', 'rprivate', 'rro']);
  assert.deepEqual(bindOptions(on('5.10.2'), bind({})), ['rbind', 'rprivate', 'ro']);
  assert.deepEqual(bindOptions(on('6.1.0'), bind({ readOnlyRecursive: 'no' })), ['rbind', 'rprivate', 'ro']);
  assert.deepEqual(bindOptions(on('6.1.0'), bind({ recursive: false })), ['bind', 'private', 'ro']);
  assert.deepEqual(bindOptions(on('6.1.0'), bind({ source: '/etc/passwd' })), ['rbind', 'rprivate', 'ro']);
});

test('where it must go down and cannot, it is refused', () => {
  assert.throws(() => bindOptions(on('5.10.2'), bind({ readOnlyRecursive: 'required' })), {
    kind: 'invalid-argument',
    message: 'failed to set recursive read-only: Linux 5.12 or later is needed, this is 5.10.2',
  });
  assert.deepEqual(bindOptions(on('5.10.2'), bind({ readOnlyRecursive: 'required', readOnly: false })), [
    'rbind',
    'rprivate',
    'rw',
  ]);
});
