import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig } from '#/engine/index.ts';
import { CreateContainerBody } from '#/spec/docker-api/create-container.ts';
import { checkBody } from '../validate.ts';
import { parseBind } from './parse-mounts.ts';
import { parseContainerSpec } from './parse-spec.ts';
import { parseTmpfs } from './parse-tmpfs.ts';
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

test('volumes and images that are asked for are printed again by inspect', () => {
  const asked = {
    Binds: ['data:/data', 'logs:/logs:ro,nocopy', '/anonymous'],
    Mounts: [
      {
        Type: 'volume',
        Source: 'typed',
        Target: '/typed',
        ReadOnly: true,
        VolumeOptions: {
          NoCopy: true,
          Labels: { a: 'b' },
          DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs' } },
          Subpath: 'sub',
        },
      },
      { Type: 'volume', Target: '/nameless' },
      { Type: 'image', Source: 'busybox', Target: '/image', ImageOptions: { Subpath: 'bin' } },
      {
        Type: 'bind',
        Source: '/a',
        Target: '/a',
        ReadOnly: true,
        BindOptions: {
          Propagation: 'rprivate',
          NonRecursive: true,
          CreateMountpoint: true,
          ReadOnlyForceRecursive: true,
        },
      },
    ],
    VolumesFrom: ['other:ro'],
    VolumeDriver: 'local',
  };
  const printed = printHostConfig(parse({ HostConfig: asked }) as unknown as ContainerConfig, 'self') as Record<
    string,
    unknown
  >;
  for (const [key, value] of Object.entries(asked)) assert.deepEqual(printed[key], value, key);
});

test('mounts of volumes and images that cannot be are refused with the words of Docker', () => {
  const mount = (Mount: object) => () => parse({ HostConfig: { Mounts: [Mount] } });
  for (const [asked, text] of [
    [{ Type: 'volume', Target: '' }, 'type "volume": field Target must not be empty'],
    [{ Type: 'volume', Target: '/.' }, "type \"volume\": invalid specification: destination can't be '/'"],
    [{ Type: 'volume', Target: '/x', ReadOnly: true }, 'must not set ReadOnly mode when using anonymous volumes'],
    [
      { Type: 'volume', Target: '/x', VolumeOptions: { Subpath: 'a' } },
      'must not set Subpath when using anonymous volumes',
    ],
    [{ Type: 'volume', Target: '/x', Source: 'v', BindOptions: {} }, 'field BindOptions must not be specified'],
    ...['../x', 'a/../../x', '/x', '..'].map(
      (Subpath) =>
        [
          { Type: 'volume', Source: 'v', Target: '/x', VolumeOptions: { Subpath } },
          'subpath must be a relative path within the volume',
        ] as const,
    ),
    [{ Type: 'image', Target: '/x' }, 'type "image": field Source must not be empty'],
    [{ Type: 'tmpfs', Target: '/x', Source: 'v' }, 'type "tmpfs": field Source must not be specified'],
    [{ Type: 'bind', Source: '/a', Target: '/x', VolumeOptions: {} }, 'field VolumeOptions must not be specified'],
    [
      {
        Type: 'bind',
        Source: '/a',
        Target: '/x',
        BindOptions: { ReadOnlyNonRecursive: true, ReadOnlyForceRecursive: true },
      },
      'mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive',
    ],
  ] as const) {
    assert.throws(mount(asked), (error: Error) => error.message.endsWith(text), JSON.stringify(asked));
  }
  for (const from of ['', 'x:wo', 'x:rslave', 'x:nocopy']) {
    assert.throws(() => parse({ HostConfig: { VolumesFrom: [from] } }), /invalid mode|cannot be an empty string/);
  }
});
