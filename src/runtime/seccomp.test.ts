import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { resolveSeccomp } from './seccomp.ts';

const subject = { capabilities: ['CAP_CHOWN'], architecture: 'x86_64', kernelVersion: '6.18.44-x' };
const rule = (name: string, more: object = {}) => ({ names: [name], action: 'SCMP_ACT_ALLOW', args: [], ...more });
const profile = (...syscalls: object[]): string =>
  JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls,
  });
const allowed = (text: string, who = subject) => resolveSeccomp(text, who).syscalls?.flatMap(({ names }) => names);

test('rules are kept or left out by capability, architecture and kernel', () => {
  const text = profile(
    rule('always'),
    rule('chown', { includes: { caps: ['CAP_CHOWN'] } }),
    rule('admin', { includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }),
    rule('not-chown', { excludes: { caps: ['CAP_CHOWN'] } }),
    rule('amd64', { includes: { arches: ['amd64', 'x32'] } }),
    rule('arm', { includes: { arches: ['arm64'] } }),
    rule('new', { includes: { minKernel: '4.8' } }),
    rule('newer', { includes: { minKernel: '6.19' } }),
    rule('old', { excludes: { minKernel: '4.8' } }),
  );
  assert.deepEqual(allowed(text), ['always', 'chown', 'amd64', 'new']);
  assert.deepEqual(allowed(text, { ...subject, architecture: 'aarch64', kernelVersion: '4.4.0' }), [
    'always',
    'chown',
    'arm',
    'old',
  ]);
});

test('the architecture comes with its sub-architectures, and conditions and empty arguments are gone', () => {
  const args = [{ index: 0, value: 8, valueTwo: 0, op: 'SCMP_CMP_EQ' }];
  assert.deepEqual(resolveSeccomp(profile(rule('a'), rule('b', { args, errnoRet: 1 })), subject), {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      { names: ['a'], action: 'SCMP_ACT_ALLOW' },
      { names: ['b'], action: 'SCMP_ACT_ALLOW', args, errnoRet: 1 },
    ],
  });
});

test('what is no profile is refused', () => {
  for (const text of ['', '{', 'null', '[]', '{}', '{"defaultAction":"x","syscalls":{}}', profile({ names: ['a'] })]) {
    assert.throws(
      () => resolveSeccomp(text, subject),
      (error: unknown) =>
        isEngineError(error, 'invalid-argument') && /^Decoding seccomp profile failed/.test(error.message),
    );
  }
});
