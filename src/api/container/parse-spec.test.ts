import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig } from '#/engine/index.ts';
import { CreateContainerBody } from '#/spec/docker-api/create-container.ts';
import { checkBody } from '../validate.ts';
import { parseBind, parseTmpfs } from './parse-mounts.ts';
import { parseContainerSpec } from './parse-spec.ts';
import { printHostConfig } from './print-config.ts';

const parse = (body: object) => parseContainerSpec(checkBody(CreateContainerBody, { Image: 'x', ...body }), null, null);

test('a body that is not as the API says is refused by the name of its field', () => {
  assert.throws(() => parse({ Env: 'A=1' }), { kind: 'invalid-argument', message: /Env/ });
  assert.throws(() => parse({ HostConfig: { Memory: 'much' } }), { message: /HostConfig\.Memory/ });
});

test('null means absent, and a command may be one string', () => {
  const spec = parse({ Cmd: 'true', Entrypoint: null, HostConfig: { Binds: null, PortBindings: {} } });
  assert.deepEqual([spec.process.command, spec.process.entrypoint, spec.mounts], [['true'], undefined, []]);
  assert.deepEqual(parse({ Entrypoint: [''] }).process.entrypoint, []);
});

test('what is asked for in HostConfig is printed again by inspect', () => {
  const asked = {
    Binds: ['/a:/b:ro,rslave'],
    Mounts: [{ Type: 'bind', Source: '/c', Target: '/d', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } }],
    NetworkMode: 'container:web',
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    CapAdd: ['NET_ADMIN'],
    SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    Memory: 67108864,
    NanoCpus: 500000000,
    PidsLimit: 10,
    Ulimits: [{ Name: 'nofile', Hard: 20, Soft: 10 }],
    IpcMode: 'host',
    PidMode: 'container:web',
    Sysctls: { 'net.ipv4.ip_forward': '1' },
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'rw' }],
    Init: true,
    ReadonlyRootfs: true,
  };
  const spec = parse({ HostConfig: asked });
  const printed = printHostConfig(spec as unknown as ContainerConfig, 'self') as Record<string, unknown>;
  for (const [key, value] of Object.entries(asked)) assert.deepEqual(printed[key], value, key);
});

test('mount texts are refused with the words of Docker', () => {
  assert.throws(() => parseBind('/a:rw'), { message: "invalid volume specification: '/a:rw'" });
  assert.throws(() => parseBind('/a:b'), {
    message:
      "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: 'b' mount path must be absolute",
  });
  assert.throws(() => parseBind('/a:/b:weird'), {
    message: 'invalid mode: weird',
  });
  assert.throws(() => parseTmpfs('/t', 'nonsense'), { message: 'invalid tmpfs option ["nonsense"]' });
});

test('a tmpfs takes its size in the units of Docker and its mode in octal', () => {
  assert.deepEqual(parseTmpfs('/t', 'size=64m,mode=1777,exec'), {
    kind: 'tmpfs',
    target: '/t',
    sizeBytes: 67_108_864,
    mode: 0o1777,
    options: ['exec'],
    writtenOptions: 'size=64m,mode=1777,exec',
  });
});
