import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DiffId, newContainerId, parseDiffId, parseImageId } from '#/base/ids.ts';
import type { OciContainerDefaults } from '#/spec/oci/image.ts';
import type { ContainerSpec } from './config.ts';
import { mergeEnv, planCreate } from './plan-create.ts';
import type { RunnableImage } from './room.ts';
import { emptySpec } from './testing/spec.ts';

const id = newContainerId();
const layers: readonly DiffId[] = [parseDiffId(`sha256:${'1'.repeat(64)}`)];

const image = (config: OciContainerDefaults = {}): RunnableImage => ({
  imageId: parseImageId(`sha256:${'2'.repeat(64)}`),
  config: { architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: layers } },
  layers,
});

const spec = (over: Partial<ContainerSpec> = {}, process: Partial<ContainerSpec['process']> = {}): ContainerSpec => ({
  ...emptySpec('busybox'),
  ...over,
  process: { ...emptySpec('busybox').process, ...process },
});

const planned = (asked: ContainerSpec, config: OciContainerDefaults = {}) =>
  planCreate(id, asked, image(config), 'host').config;

test('the command of the image is used only while the caller names neither entrypoint nor command', () => {
  const config = { Entrypoint: ['/entry'], Cmd: ['default'] };
  assert.deepEqual(planned(spec(), config).process.command, ['default']);
  assert.deepEqual(planned(spec({}, { command: ['mine'] }), config).process.command, ['mine']);
  const cleared = planned(spec({}, { entrypoint: [], command: ['sh'] }), config).process;
  assert.deepEqual([cleared.entrypoint, cleared.command], [[], ['sh']]);
  assert.deepEqual(planned(spec({}, { entrypoint: ['/other'] }), config).process.command, []);
});

test('a container without any command is refused with the text of Docker', () => {
  assert.throws(() => planned(spec()), { kind: 'invalid-argument', message: 'no command specified' });
});

test('the environment replaces by name, appends, and removes names without a value', () => {
  assert.deepEqual(mergeEnv(['A=1', 'B=2', 'C=3'], ['B=x', 'D=4', 'C']), ['A=1', 'B=x', 'D=4']);
  assert.throws(() => mergeEnv([], ['=oops']), { message: 'invalid environment variable: =oops' });
});

test('labels, ports and volumes of the caller are merged over those of the image', () => {
  const config = { Cmd: ['x'], Labels: { a: '1', b: '1' }, ExposedPorts: { '80/tcp': {} }, Volumes: { '/data': {} } };
  const merged = planned(spec({ labels: { b: '2' }, exposedPorts: ['80/tcp', '81/udp'], volumes: [] }), config);
  assert.deepEqual(merged.labels, { a: '1', b: '2' });
  assert.deepEqual(merged.exposedPorts, ['80/tcp', '81/udp']);
  assert.deepEqual(merged.volumes, ['/data']);
});

test('the hostname is the short id, or the name of the host where that is shared', () => {
  assert.equal(planned(spec({}, { command: ['x'] })).hostname, id.slice(0, 12));
  const shared = spec(
    { network: { ...emptySpec('x').network, mode: { kind: 'host' }, endpoints: {} } },
    { command: ['x'] },
  );
  assert.equal(planned(shared).hostname, 'host');
});

const refused: readonly (readonly [string, ContainerSpec, RegExp])[] = [
  [
    'a relative working directory',
    spec({}, { command: ['x'], workingDir: 'here' }),
    /the working directory 'here' is invalid/,
  ],
  [
    'auto-removal with a restart policy',
    spec({ autoRemove: true, restartPolicy: { kind: 'always' } }, { command: ['x'] }),
    /AutoRemove/,
  ],
  ['a NUL byte in an argument', spec({}, { command: ['a\0b'] }), /NUL/],
  ['a mount on the root', spec({ mounts: [tmpfs('/')] }, { command: ['x'] }), /destination can't be '\/'/],
  [
    'two mounts on one path',
    spec({ mounts: [tmpfs('/a'), tmpfs('/a/.')] }, { command: ['x'] }),
    /Duplicate mount point: \/a/,
  ],
  [
    'an annotation that commands the runtime',
    spec({ annotations: { 'run.oci.seccomp_bpf_data': 'AA==' } }, { command: ['x'] }),
    /invalid annotation "run\.oci\.seccomp_bpf_data"/,
  ],
];

function tmpfs(target: string) {
  return { kind: 'tmpfs', target, sizeBytes: undefined, mode: undefined, options: [], writtenOptions: '' } as const;
}

for (const [what, asked, text] of refused) {
  test(`${what} is refused`, () => {
    assert.throws(() => planned(asked), { kind: 'invalid-argument', message: text });
  });
}
