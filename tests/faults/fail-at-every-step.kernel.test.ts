import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '#/base/log.ts';
import { UndoList } from '#/base/undo.ts';
import { createContainer } from '#/container/create.ts';
import { getContainer } from '#/container/record.ts';
import { removeContainer } from '#/container/remove.ts';
import type { ContainerRoom } from '#/container/room.ts';
import { startContainer } from '#/container/start.ts';
import { emptySpec } from '#/container/testing/spec.ts';
import { waitContainer } from '#/container/wait.ts';
import { openRooms } from '#/engine/open.ts';
import { openImages } from '#/image/images.ts';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxArchive, dataArchive } from './api.ts';
import { Faults } from './faulty.ts';
import { assertNothingLeaked, type LastingWorld, lastingWorld } from './leaks.ts';

inThrowawayHost();

const base = mkdtempSync(join(tmpdir(), 'e-'));
const roots = { dataRoot: join(base, 'data'), execRoot: join(base, 'run') };
const faults = new Faults();
const undo = new UndoList(silentLogger);
let rooms: Awaited<ReturnType<typeof openRooms>>;
let room: ContainerRoom;
let empty: LastingWorld;

const spec = (command: readonly string[]) => {
  const plain = emptySpec('busybox:test');
  return { ...plain, name: 'box', volumes: ['/etc'], process: { ...plain.process, command } };
};

const bytes = async function* (archive: Uint8Array): AsyncGenerator<Uint8Array> {
  yield archive;
};

before(async () => {
  // As the daemon's own mount namespace has it: crun refuses a hybrid host otherwise.
  const unified = '/sys/fs/cgroup/unified';
  if (existsSync(join(unified, 'cgroup.controllers'))) execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', unified]);
  for (const path of Object.values(roots)) mkdirSync(path);
  rooms = await openRooms({ ...roots, log: silentLogger }, silentLogger, undo);
  const { containers } = rooms;
  room = {
    ...containers,
    store: faults.wrap('store', containers.store, ['find', 'all']),
    layers: faults.wrap('layers', containers.layers),
    networks: faults.wrap('networks', containers.networks, ['endpointsOf', 'list']),
    runtime: faults.wrap('runtime', containers.runtime, ['waitExit', 'observe', 'list']),
    volumes: faults.wrap('volumes', containers.volumes, ['get', 'list']),
  };
  await rooms.images.load(bytes(busyboxArchive()));
  const { id } = await createContainer(room, spec(['sleep', '1000']));
  await startContainer(room, id);
  await removeContainer(room, id, { force: true, volumes: true });
  empty = lastingWorld(roots);
});

after(() => undo.unwind());

/** What `operation` calls, in order. */
async function callsOf(operation: () => Promise<unknown>): Promise<readonly string[]> {
  faults.disarm();
  await operation();
  return [...faults.calls];
}

const injected = /injected failure/;

test('a create that fails at any step leaves nothing', async (context) => {
  const create = () => createContainer(room, spec(['sleep', '1000']));
  const steps = await callsOf(create);
  await removeContainer(room, 'box', { force: false, volumes: true });
  context.diagnostic(steps.join(' '));
  assert.ok(steps.length >= 2, `${steps}`);
  for (const [index, step] of steps.entries()) {
    for (const when of ['before', 'after'] as const) {
      faults.arm(index + 1, when);
      await assert.rejects(create, injected, `${when} ${step}`);
      faults.disarm();
      await assertNothingLeaked(roots, empty);
    }
  }
});

test('a create whose undo fails too stays as dead with its leftovers, and rm finishes', async () => {
  const create = () => createContainer(room, spec(['sleep', '1000']));
  const steps = await callsOf(create);
  await removeContainer(room, 'box', { force: false, volumes: true });
  faults.arm(steps.indexOf('layers.prepareRoot') + 1, 'after', 'layers.removeRoot');
  await assert.rejects(create, injected);
  const { state } = getContainer(room, 'box');
  assert.deepEqual(state.status === 'dead' && state.leftovers.length, 1, JSON.stringify(state));
  await assert.rejects(create, /already in use/);
  await removeContainer(room, 'box', { force: false, volumes: true });
  await assertNothingLeaked(roots, empty);
});

test('a start that fails at any step leaves the container as it was, and it starts when asked again', async (context) => {
  const { id } = await createContainer(room, spec(['sleep', '1000']));
  const created = lastingWorld(roots);
  const steps = await callsOf(() => startContainer(room, id));
  context.diagnostic(steps.join(' '));
  await removeContainer(room, id, { force: true, volumes: true });
  for (const [index, step] of steps.entries()) {
    for (const when of ['before', 'after'] as const) {
      const again = await createContainer(room, spec(['sleep', '1000']));
      faults.arm(index + 1, when);
      await assert.rejects(() => startContainer(room, again.id), injected, `${when} ${step}`);
      faults.disarm();
      const { state } = getContainer(room, again.id);
      assert.equal(state.status, 'created', `${when} ${step}`);
      const kept = (world: LastingWorld) => ({ ...world, paths: [], rows: world.rows });
      await assertNothingLeaked(roots, { ...kept(created), paths: lastingWorld(roots).paths });
      await startContainer(room, again.id);
      assert.equal(getContainer(room, again.id).state.status, 'running');
      await removeContainer(room, again.id, { force: true, volumes: true });
      await assertNothingLeaked(roots, empty);
    }
  }
});

for (const undone of ['runtime.delete', 'networks.closeSandbox', 'layers.unmountRoot']) {
  test(`after a failed start whose ${undone} fails too, both start and rm work`, async () => {
    const { id } = await createContainer(room, spec(['sleep', '1000']));
    const steps = await callsOf(() => startContainer(room, id));
    await removeContainer(room, id, { force: true, volumes: true });
    for (const way of ['start', 'rm']) {
      const again = await createContainer(room, spec(['sleep', '1000']));
      faults.arm(steps.indexOf('runtime.start') + 1, 'after', undone);
      await assert.rejects(() => startContainer(room, again.id), injected);
      faults.disarm();
      if (way === 'start') await startContainer(room, again.id);
      await removeContainer(room, again.id, { force: way === 'start', volumes: true });
      await assertNothingLeaked(roots, empty);
    }
  });
}

test('an rm that fails at any step can be repeated until nothing is left', async (context) => {
  const make = async () => {
    await createContainer(room, spec(['sleep', '1000']));
    await startContainer(room, 'box');
  };
  await make();
  const steps = await callsOf(() => removeContainer(room, 'box', { force: true, volumes: true }));
  context.diagnostic(steps.join(' '));
  for (const [index, step] of steps.entries()) {
    await make();
    faults.arm(index + 1, 'before');
    const failure = await removeContainer(room, 'box', { force: true, volumes: true }).catch((error: Error) => error);
    faults.disarm();
    if (failure !== undefined) {
      context.diagnostic(`${step}: ${failure.message}`);
      await removeContainer(room, 'box', { force: true, volumes: true });
    }
    await assertNothingLeaked(roots, empty);
  }
});

test('who waits for a removal that leaves something behind is told so', async () => {
  const remove = () => removeContainer(room, 'box', { force: false, volumes: true });
  await createContainer(room, spec(['true']));
  const steps = await callsOf(remove);
  await createContainer(room, spec(['true']));
  const waiting = waitContainer(room, 'box', 'removed');
  faults.arm(steps.indexOf('networks.closeSandbox') + 1, 'before');
  await assert.rejects(remove(), /could not be removed whole/);
  assert.match((await waiting).removalError ?? '', /left: network of container/);
  faults.disarm();
  await remove();
  await assertNothingLeaked(roots, empty);
});

test('an exit whose recording fails is recorded a little later', async () => {
  const { id } = await createContainer(room, spec(['sh', '-c', 'sleep 0.3; exit 7']));
  await startContainer(room, id);
  faults.arm(1, 'before');
  for (let tries = 0; getContainer(room, id).state.status === 'running' && tries < 50; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  faults.disarm();
  const { state } = getContainer(room, id);
  assert.equal(state.status === 'exited' && state.last.code, 7, JSON.stringify(state));
  await removeContainer(room, id, { force: false, volumes: true });
  await assertNothingLeaked(roots, empty);
});

test('a load that fails at any step leaves nothing', async (context) => {
  const images = openImages({
    store: faults.wrap('store', rooms.store, ['find', 'all']),
    layers: faults.wrap('layers', rooms.layers, ['list', 'has', 'remove']),
    events: rooms.events,
    log: silentLogger,
    clock: room.clock,
    layersInUse: () => [],
  });
  const archive = dataArchive('data:1', Buffer.alloc(300_000, 'x'));
  const load = () => images.load(bytes(archive));
  const steps = await callsOf(load);
  context.diagnostic(steps.join(' '));
  assert.ok(steps.includes('layers.ingest') && steps.includes('store.transaction'), `${steps}`);
  await rooms.images.remove('data:1', { force: false, usedBy: () => [] });
  for (const [index, step] of steps.entries()) {
    for (const when of ['before', 'after'] as const) {
      if (step.startsWith('store.') && when === 'after') continue; // It is committed: the image is loaded.
      faults.arm(index + 1, when);
      await assert.rejects(load, injected, `${when} ${step}`);
      faults.disarm();
      await assertNothingLeaked(roots, empty);
    }
  }
  await load();
  await rooms.images.remove('data:1', { force: false, usedBy: () => [] });
  await assertNothingLeaked(roots, empty);
});
