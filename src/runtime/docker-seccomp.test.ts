import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tightenToDocker } from './docker-seccomp.ts';

const lax = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  syscalls: [
    { names: ['read', 'mount', 'clone', 'clone3', 'keyctl', 'syslog'], action: 'SCMP_ACT_ALLOW' },
    { names: ['setns'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
  ],
};
const outcomes = (name: string, capabilities: readonly string[], architecture = 'x86_64') =>
  (tightenToDocker(lax, { capabilities, architecture, kernelVersion: '6.18' }).syscalls ?? [])
    .filter(({ names }) => names.includes(name))
    .map(({ action, errnoRet, args }) => [action.replace('SCMP_ACT_', ''), errnoRet, args?.[0]?.index]);

test('without CAP_SYS_ADMIN neither mounts nor namespaces can be made, and what is refused is refused once', () => {
  assert.deepEqual(outcomes('mount', []), [['ERRNO', 1, undefined]]);
  assert.deepEqual(outcomes('setns', []), [['ERRNO', 1, undefined]]);
  assert.deepEqual(outcomes('clone', []), [['ALLOW', undefined, 0]]);
  assert.deepEqual(outcomes('clone', [], 's390x'), [['ALLOW', undefined, 1]]);
  assert.deepEqual(outcomes('clone3', []), [['ERRNO', 38, undefined]]);
  assert.deepEqual(outcomes('read', []), [['ALLOW', undefined, undefined]]);
});

test('sockets are allowed, but for those to the hypervisor', () => {
  assert.deepEqual(outcomes('socket', ['CAP_SYS_ADMIN']), [
    ['ALLOW', undefined, 0],
    ['ERRNO', 1, 0],
  ]);
});

test('a capability brings back what belongs to it, but never keyrings', () => {
  assert.deepEqual(outcomes('mount', ['CAP_SYS_ADMIN']), [['ALLOW', undefined, undefined]]);
  assert.deepEqual(outcomes('clone', ['CAP_SYS_ADMIN']), [['ALLOW', undefined, undefined]]);
  assert.deepEqual(outcomes('syslog', ['CAP_SYSLOG']), [['ALLOW', undefined, undefined]]);
  assert.deepEqual(outcomes('mount', ['CAP_SYSLOG']), [['ERRNO', 1, undefined]]);
  assert.deepEqual(outcomes('keyctl', ['CAP_SYS_ADMIN']), [['ERRNO', 1, undefined]]);
});
