import assert from 'node:assert/strict';
import test from 'node:test';
import { classifyCreateFailure, runtimeFailure } from './create-failure.ts';

test('what crun and runc say of a command is told apart', () => {
  const cases = [
    ['executable file `nope` not found in $PATH: No such file or directory', 'command-not-found'],
    ['exec: "nope": executable file not found in $PATH', 'command-not-found'],
    [
      'runc create failed: unable to start container process: exec: "/x": stat /x: no such file or directory',
      'command-not-found',
    ],
    ['unable to start container process: exec: "/proc": permission denied', 'command-not-executable'],
    ['open executable: Operation not permitted', 'command-not-executable'],
    ['open executable: Permission denied', 'command-not-executable'],
    ['chdir `/nonexist`: No such file or directory', 'other'],
    ['open `/sys/fs/cgroup/x`: Permission denied', 'other'],
    ['', 'other'],
  ] as const;
  for (const [text, expected] of cases) assert.equal(classifyCreateFailure(text), expected, text);
});

test('an error carries the runtime’s words without its log’s frame', () => {
  const line =
    'time="2026-11-21T02:11:52Z" level=error msg="runc create failed: exec: \\"/probe\\": stat /probe: no such file or directory"\n';
  const error = runtimeFailure('create', line);
  assert.equal(error.message, 'create: runc create failed: exec: "/probe": stat /probe: no such file or directory');
  assert.equal(error.kind, 'invalid-argument');
  assert.equal(runtimeFailure('create', '').message, 'create: the OCI runtime failed without a message');
});
