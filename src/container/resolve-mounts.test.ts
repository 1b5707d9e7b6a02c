import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '#/base/errors.ts';
import { type ContainerId, newContainerId, parseDiffId, parseImageId } from '#/base/ids.ts';
import { insertContainer } from '#/store/containers.ts';
import { openStore } from '#/store/store.ts';
import type { ContainerConfig, MountSpec } from './config.ts';
import { normalTarget, resolveMounts } from './resolve-mounts.ts';
import { emptySpec } from './testing/spec.ts';

const imageId = parseImageId(`sha256:${'2'.repeat(64)}`);
const layers = [parseDiffId(`sha256:${'1'.repeat(64)}`)];
const configOf = (over: Partial<ContainerConfig>): ContainerConfig =>
  ({ ...emptySpec('x'), ...over }) as unknown as ContainerConfig;

const volume = (name: string, target: string): Extract<MountSpec, { kind: 'volume' }> => ({
  kind: 'volume',
  name,
  target,
  readOnly: false,
  copyUp: true,
  subpath: undefined,
  driver: '',
  driverOptions: {},
  labels: {},
  anonymous: name === '',
  writtenMode: undefined,
});
const tmpfs = (target: string, writtenOptions: string | undefined): MountSpec => ({
  kind: 'tmpfs',
  target,
  sizeBytes: undefined,
  mode: undefined,
  options: [],
  writtenOptions,
});

/** A room with one container, `donor`, that has these mounts. */
function roomWith(mounts: readonly MountSpec[]) {
  const store = openStore(':memory:');
  const id: ContainerId = newContainerId();
  const config = JSON.stringify(configOf({ mounts }));
  const state = JSON.stringify({ status: 'created', startFailure: undefined });
  insertContainer(store, { id, name: 'donor', image_id: imageId, created_at: 0, config, state }, 'created');
  const resolveForRun = (reference: string) => {
    if (reference !== 'there') throw new EngineError('not-found', `No such image: ${reference}:latest`);
    return {
      imageId,
      layers,
      config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: layers } },
    };
  };
  return { store, images: { resolveForRun } };
}

test('each declared path that nothing covers gets an anonymous volume of its own', () => {
  const own = [volume('mine', '/covered'), tmpfs('/scratch', '')];
  const config = configOf({ mounts: own, volumes: ['/covered/', '/scratch', '/a', '/a/../b'], volumeDriver: 'local' });
  const mounts = resolveMounts(roomWith([]), config);
  const declared = mounts.filter((mount) => mount.origin === 'declared');
  assert.deepEqual(
    declared.map(({ target }) => target),
    ['/a', '/b'],
  );
  const names = declared.flatMap((mount) => (mount.kind === 'volume' ? [mount.name] : []));
  for (const name of names) assert.match(name, /^[0-9a-f]{64}$/);
  assert.equal(new Set(names).size, 2);
});

test('what another container mounts is taken over, but for what is asked for at the same place', () => {
  const room = roomWith([
    volume('data', '/data'),
    volume('logs', '/logs'),
    tmpfs('/typed', undefined),
    tmpfs('/flag', ''),
  ]);
  const config = configOf({ volumesFrom: ['donor:ro'], mounts: [volume('other', '/logs')], volumes: ['/data'] });
  const mounts = resolveMounts(room, config);
  assert.deepEqual(
    mounts.map((mount) => [mount.target, mount.kind === 'volume' ? mount.name : mount.kind, mount.origin]),
    [
      ['/data', 'data', 'volumes-from'],
      ['/logs', 'other', undefined],
      ['/typed', 'tmpfs', 'volumes-from'],
    ],
  );
  const [data] = mounts;
  assert.ok(data?.kind === 'volume' && data.readOnly && !data.copyUp);
});

test('images are resolved, and what is not there is said with the words of Docker', () => {
  const image = (reference: string): MountSpec => ({
    kind: 'image',
    reference,
    imageId: undefined,
    layers: [],
    target: '/i',
    subpath: undefined,
  });
  const [resolved] = resolveMounts(roomWith([]), configOf({ mounts: [image('there')] }));
  assert.ok(resolved?.kind === 'image');
  assert.deepEqual([resolved.imageId, resolved.layers], [imageId, layers]);
  assert.throws(() => resolveMounts(roomWith([]), configOf({ mounts: [image('nope')] })), {
    message: 'No such image: nope:latest',
  });
  assert.throws(() => resolveMounts(roomWith([]), configOf({ volumesFrom: ['nobody'] })), {
    message: 'No such container: nobody',
  });
  assert.throws(() => resolveMounts(roomWith([]), configOf({ volumes: ['/x/..'] })), {
    message: /destination can't be '\/'/,
  });
});

test('targets are compared as places, not as texts', () => {
  assert.deepEqual(['/a//b/', '/a/./b', 'a/b', '/', '/..'].map(normalTarget), ['/a/b', '/a/b', '/a/b', '/', '/']);
});
