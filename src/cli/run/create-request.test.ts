import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerCreateRequest } from '#/spec/docker-api/container.ts';
import { parseArgs } from '../args/parse.ts';
import { createRequestOf } from './create-request.ts';
import { RUN_FLAGS } from './run-flags.ts';

function requestOf(args: readonly string[]): ContainerCreateRequest {
  const { flags, operands } = parseArgs(args, RUN_FLAGS, { interspersed: false });
  return createRequestOf(flags, operands, { ...process, stdout: { isTTY: false } as never, env: { HERE: 'yes' } });
}

test('the command is what follows the image, options and all', () => {
  const request = requestOf(['--rm', '-it', 'busybox', 'sh', '-c', 'x']);
  assert.equal(request.Image, 'busybox');
  assert.deepEqual(request.Cmd, ['sh', '-c', 'x']);
  assert.deepEqual(
    [request.Tty, request.OpenStdin, request.StdinOnce, request.AttachStdin, request.HostConfig?.AutoRemove],
    [true, true, true, true, true],
  );
});

test('a bare name in the environment takes the value that it has here, or asks for its removal', () => {
  assert.deepEqual(requestOf(['-e', 'HERE', '-e', 'GONE', '-e', 'A=b=c', 'x']).Env, ['HERE=yes', 'GONE', 'A=b=c']);
});

test('ports, volumes and limits are what the API wants', () => {
  const request = requestOf(
    '-p 127.0.0.1:8080-8081:80-81 -p 53/udp -v /a:/b:ro -v /anon -m 64m --cpus 1.5 --ulimit nofile=5:6 x'.split(' '),
  );
  assert.deepEqual(request.HostConfig?.PortBindings, {
    '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
    '81/tcp': [{ HostIp: '127.0.0.1', HostPort: '8081' }],
    '53/udp': [{ HostIp: '', HostPort: '' }],
  });
  assert.deepEqual(request.HostConfig?.Binds, ['/a:/b:ro']);
  assert.deepEqual(request.Volumes, { '/anon': {} });
  assert.equal(request.HostConfig?.Memory, 67108864);
  assert.equal(request.HostConfig?.NanoCpus, 1_500_000_000);
  assert.deepEqual(request.HostConfig?.Ulimits, [{ Name: 'nofile', Hard: 6, Soft: 5 }]);
});

test('a port can be published as a unix socket of the host', () => {
  const request = requestOf(['-p', '/run/web.sock:80', '-p', '/run/with:colon.sock:81', 'x']);
  assert.deepEqual(request.HostConfig?.PortBindings, {
    '80/tcp': [{ HostIp: '/run/web.sock', HostPort: '' }],
    '81/tcp': [{ HostIp: '/run/with:colon.sock', HostPort: '' }],
  });
});

test('a mount is read from its fields', () => {
  const [mount] =
    requestOf(['--mount', 'type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770', 'x']).HostConfig?.Mounts ?? [];
  assert.deepEqual(mount, { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1048576, Mode: 0o1770 } });
});

const refusals: readonly (readonly [string, string])[] = [
  ['--rm --restart always x', 'conflicting options: cannot specify both --restart and --rm'],
  ['-m x y', 'invalid argument "x" for "-m, --memory" flag: invalid size: \'x\''],
  ['-p x y', 'invalid containerPort: x'],
  ['-p 1-2:3-5 y', 'invalid ranges specified for container and host Ports: 3-5 and 1-2'],
  ['--pid x y', '--pid: invalid PID mode'],
  ['--security-opt foo y', 'Invalid --security-opt: "foo"'],
  ['--env-file /nope y', 'open /nope: no such file or directory'],
  ['--mount type=foo y', 'invalid argument "type=foo" for "--mount" flag: target is required'],
  [
    '--ulimit nofile=6:5 y',
    'invalid argument "nofile=6:5" for "--ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 6 > 5',
  ],
  ['--sysctl x=1 y', 'invalid argument "x=1" for "--sysctl" flag: sysctl \'x=1\' is not allowed'],
  ['--no-healthcheck --health-cmd x y', '--no-healthcheck conflicts with --health-* options'],
  ['--cpu-count 1 y', 'invalid argument "1" for "--cpu-count" flag: only supported on a daemon running on windows'],
  ['--storage-opt x y', 'invalid storage option'],
  ['--network name=a,b y', 'invalid argument "name=a,b" for "--network" flag: invalid field b'],
];

for (const [line, message] of refusals) {
  test(`run ${line} is refused in docker's words`, () => {
    assert.throws(() => requestOf(line.split(' ')), { message });
  });
}
