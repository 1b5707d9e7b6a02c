import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newContainerId } from '#/base/ids.ts';
import { mount, unmount } from '#/linux/mount.ts';
import { findMount } from '#/linux/mount-info.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { inWorld, spec } from './testing/world.ts';

inThrowawayHost();

const TMPFS = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' };
const isMounted = (path: string): boolean => findMount(path) !== undefined;

test('a volume is mounted once for all who hold it, and unmounted after the last', async () => {
  await inWorld(async ({ volumes }) => {
    const { mountpoint } = await volumes.create(spec('shared', TMPFS));
    const [one, two] = [newContainerId(), newContainerId()];
    await Promise.all([volumes.mount('shared', one), volumes.mount('shared', one), volumes.mount('shared', two)]);
    writeFileSync(join(mountpoint, 'file'), '');
    await volumes.unmount('shared', one);
    await volumes.unmount('shared', one);
    assert.deepEqual(readdirSync(mountpoint), ['file']);
    assert.deepEqual(await volumes.release(two), ['shared']);
    assert.equal(isMounted(mountpoint), false);
    assert.deepEqual(await volumes.release(two), []);
    await volumes.unmount('nothing', one);
  });
});

test('mounts of an earlier engine are taken over by who still holds them; the rest is swept', async () => {
  await inWorld(async ({ volumes, again }) => {
    const [kept, swept] = [await volumes.create(spec('kept', TMPFS)), await volumes.create(spec('swept', TMPFS))];
    const holder = newContainerId();
    for (const name of ['kept', 'swept']) await volumes.mount(name, holder);
    writeFileSync(join(kept.mountpoint, 'file'), '');
    const next = await again();
    await next.mount('kept', holder);
    await next.sweepMounts();
    assert.deepEqual(readdirSync(kept.mountpoint), ['file']);
    assert.equal(isMounted(swept.mountpoint), false);
    await next.release(holder);
    assert.equal(isMounted(kept.mountpoint), false);
  });
});

test('whatever a crash left of a creation or removal is gone after the next start', async () => {
  await inWorld(async ({ dataRoot, volumes, again }) => {
    await volumes.create(spec('whole'));
    const root = join(dataRoot, 'volumes');
    // Before the row: made aside; renamed. During removal: put aside, with content.
    mkdirSync(join(root, '.making-1/_data'), { recursive: true });
    mkdirSync(join(root, 'unnamed/_data'), { recursive: true });
    mkdirSync(join(root, '.removed-1/_data/deep'), { recursive: true });
    writeFileSync(join(root, '.removed-1/_data/deep/file'), '');
    // A row whose directory did not survive.
    rmSync(join(root, 'whole'), { recursive: true });
    const next = await again();
    assert.deepEqual(readdirSync(root), ['whole']);
    assert.deepEqual(
      next.list().map(({ name }) => name),
      ['whole'],
    );
    assert.deepEqual(readdirSync(next.get('whole').mountpoint), []);
  });
});

test('data whose row is lost are taken in as a volume, never deleted', async () => {
  await inWorld(async ({ dataRoot, again }) => {
    mkdirSync(join(dataRoot, 'volumes/lost/_data'), { recursive: true });
    writeFileSync(join(dataRoot, 'volumes/lost/_data/file'), 'data');
    const next = await again();
    assert.deepEqual(readdirSync(next.get('lost').mountpoint), ['file']);
  });
});

test('what is mounted on the directory of a half-removed volume is unmounted, not emptied', async () => {
  await inWorld(async ({ dataRoot, again }) => {
    const source = join(dataRoot, 'precious');
    const target = join(dataRoot, 'volumes/.removed-2/_data');
    mkdirSync(target, { recursive: true });
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'data');
    mount(source, target, '', 4096);
    await again();
    assert.equal(existsSync(target), false);
    assert.deepEqual(readdirSync(source), ['file']);
  });
});

test('a volume in use is not removed: by who refers to it, and by who holds it', async () => {
  await inWorld(async ({ volumes, users }) => {
    await volumes.create(spec('used'));
    const id = newContainerId();
    users.set('used', [id]);
    await assert.rejects(volumes.remove('used', { force: true }), {
      kind: 'conflict',
      message: `remove used: volume is in use - [${id}]`,
    });
    users.clear();
    await volumes.mount('used', id);
    await assert.rejects(volumes.remove('used', { force: false }), { kind: 'conflict' });
    await volumes.release(id);
    await volumes.remove('used', { force: false });
    await assert.rejects(volumes.remove('used', { force: false }), { message: 'get used: no such volume' });
    await volumes.remove('used', { force: true });
  });
});

test('many who create and remove the same volume at once leave it whole or gone', async () => {
  await inWorld(async ({ dataRoot, volumes }) => {
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0 ? volumes.create(spec('busy')) : volumes.remove('busy', { force: true }),
      ),
    );
    const names = volumes.list().map(({ name }) => name);
    assert.deepEqual(readdirSync(join(dataRoot, 'volumes')), names);
  });
});

test('usage counts files once, and neither what is mounted in a volume nor a volume that is mounted from elsewhere', async () => {
  await inWorld(async ({ volumes }) => {
    const { mountpoint } = await volumes.create(spec('measured'));
    writeFileSync(join(mountpoint, 'file'), Buffer.alloc(5000));
    mkdirSync(join(mountpoint, 'other'));
    mount('tmpfs', join(mountpoint, 'other'), 'tmpfs', 0);
    writeFileSync(join(mountpoint, 'other/file'), Buffer.alloc(7000));
    assert.equal(await volumes.usage('measured'), 5000);
    await unmount(join(mountpoint, 'other'));
    const holder = newContainerId();
    const tmpfs = await volumes.create(spec('memory', TMPFS));
    await volumes.mount('memory', holder);
    writeFileSync(join(tmpfs.mountpoint, 'file'), Buffer.alloc(7000));
    assert.equal(await volumes.usage('memory'), 0);
    await volumes.release(holder);
  });
});
