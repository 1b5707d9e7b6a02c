import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { newContainerId } from '#/base/ids.ts';
import { deleteSnapshotRow, insertSnapshot } from '#/store/snapshots.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { inWorld, spec } from './testing/world.ts';
import type { Volume } from './volumes.ts';

inThrowawayHost();

/** Everything about a tree, by eyes other than ours: tar with owners, times to the nanosecond, attributes and hard links. */
const lookAt = (path: string): string =>
  execFileSync(
    'sh',
    [
      '-c',
      'tar -C "$0" --xattrs --sort=name --numeric-owner -cf - . | tee /dev/stderr 2>&1 >/dev/null | tar --xattrs -tvvf - --full-time; find . -type f -exec sha256sum {} + | sort',
      path,
    ],
    {
      encoding: 'utf8',
      cwd: path,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );

const inside = (volume: Volume, script: string): void => {
  execFileSync('sh', ['-ec', script], { cwd: volume.mountpoint });
};

const RICH = `
  mkdir -p deep/er; echo one > one; ln one two; ln -s ../etc/passwd link; mkfifo fifo; mknod null c 1 3
  chown 1234:70000 one; chmod 6751 one; touch -d @1000000000.123456789 one; touch -d @5 deep
  truncate -s 20M deep/hole; echo end >> deep/hole; setfattr -n user.x -v y deep/er 2>/dev/null || true
  chown 33:33 .; chmod 1770 .`;

test('a snapshot holds everything about the files, and a restore brings it back', async () => {
  await inWorld(async ({ volumes }) => {
    const volume = await volumes.create(spec('data'));
    inside(volume, RICH);
    const before = lookAt(volume.mountpoint);
    assert.match(before, /1234\/70000/);
    const snapshot = await volumes.snapshots.create('data', 'monday');
    assert.match(snapshot.id, /^[0-9a-f]{12}$/);
    const kept = join(dirname(volume.mountpoint), 'snapshots', snapshot.id);
    assert.equal(lookAt(kept), before);
    assert.ok(statSync(join(kept, 'deep/hole')).blocks < 2000, 'holes stay holes');
    assert.equal(statSync(join(kept, 'one')).ino, statSync(join(kept, 'two')).ino);
    inside(volume, 'rm -r deep one link; echo changed > two; chmod 777 .');
    await volumes.snapshots.restore('data', 'monday');
    assert.equal(lookAt(volume.mountpoint), before);
    inside(volume, 'echo more >> two');
    assert.equal(lookAt(kept), before, 'a restored volume and its snapshot share nothing that is written to');
    assert.deepEqual(volumes.snapshots.list('data'), [snapshot]);
    assert.equal(await volumes.usage('data'), snapshot.sizeBytes + 'more\n'.length);
    await volumes.snapshots.remove('data', snapshot.id);
    assert.deepEqual([volumes.snapshots.list('data'), existsSync(kept)], [[], false]);
  });
});

test('a clone is a volume of its own with the same content', async () => {
  await inWorld(async ({ volumes }) => {
    const volume = await volumes.create(spec('first'));
    inside(volume, RICH);
    const clone = await volumes.clone('first', 'second', { made: 'here' });
    assert.equal(lookAt(clone.mountpoint), lookAt(volume.mountpoint));
    assert.deepEqual(clone.labels, { made: 'here' });
    inside(clone, 'echo x > one');
    assert.equal(readFileSync(join(volume.mountpoint, 'one'), 'utf8'), 'one\n');
    await assert.rejects(volumes.clone('first', 'second', {}), /volume second exists/);
    await assert.rejects(volumes.clone('first', '../up', {}), /only "\[a-zA-Z0-9\]/);
    await assert.rejects(volumes.clone('nothing', 'third', {}), /get nothing: no such volume/);
  });
});

test('what cannot be is refused: names that are taken, volumes in use or mounted from elsewhere, snapshots that are not there', async () => {
  await inWorld(async ({ volumes }) => {
    await volumes.create(spec('data'));
    const { id } = await volumes.snapshots.create('data', 'named');
    const holder = newContainerId();
    await volumes.mount('data', holder);
    await assert.rejects(volumes.snapshots.restore('data', 'named'), /a running container has it mounted/);
    await volumes.snapshots.create('data', undefined);
    await volumes.release(holder);
    await volumes.snapshots.restore('data', id);
    await assert.rejects(volumes.snapshots.create('data', 'named'), /has a snapshot named already/);
    await assert.rejects(volumes.snapshots.create('data', '../x'), /invalid snapshot name/);
    await assert.rejects(volumes.snapshots.restore('data', 'other'), (error) => isEngineError(error, 'not-found'));
    await volumes.create(spec('elsewhere', { type: 'tmpfs', device: 'tmpfs' }));
    await assert.rejects(volumes.snapshots.create('elsewhere', undefined), /mounted from elsewhere/);
  });
});

test('a volume with snapshots is removed only by force, with them; prune passes it by', async () => {
  await inWorld(async ({ volumes, store, dataRoot }) => {
    await volumes.create(spec('data'));
    await volumes.snapshots.create('data', undefined);
    await assert.rejects(volumes.remove('data', { force: false }), /volume has 1 snapshot\(s\)/);
    assert.deepEqual((await volumes.prune(() => true)).names, []);
    await volumes.remove('data', { force: true });
    assert.deepEqual(readdirSync(join(dataRoot, 'volumes')), []);
    assert.deepEqual(store.all('SELECT * FROM volume_snapshots'), []);
  });
});

test('what a crash leaves in the middle of a copy, a removal or a restore is swept', async () => {
  await inWorld(async ({ volumes, store, again }) => {
    const volume = await volumes.create(spec('data'));
    writeFileSync(join(volume.mountpoint, 'file'), 'data');
    const kept = await volumes.snapshots.create('data', undefined);
    const gone = await volumes.snapshots.create('data', undefined);
    const directory = dirname(volume.mountpoint);
    const half = join(directory, 'snapshots/.unfinished-half');
    const restoring = join(directory, '.unfinished-restore');
    for (const path of [half, restoring]) mkdirSync(join(path, 'deep'), { recursive: true });
    deleteSnapshotRow(store, gone.id);
    insertSnapshot(store, { id: 'lost', volume: 'data', name: null, created_at: 1, size: 1 });
    const next = await again();
    assert.deepEqual(next.snapshots.list('data'), [kept]);
    assert.deepEqual(readdirSync(join(directory, 'snapshots')), [kept.id]);
    assert.deepEqual(readdirSync(directory).sort(), ['_data', 'snapshots']);
    assert.equal(readFileSync(join(volume.mountpoint, 'file'), 'utf8'), 'data');
  });
});

test('snapshots, restores and removals at once leave volume and snapshots whole', async () => {
  await inWorld(async ({ volumes }) => {
    const volume = await volumes.create(spec('data'));
    inside(volume, 'for i in $(seq 200); do echo $i > $i; done');
    const first = await volumes.snapshots.create('data', undefined);
    await Promise.all([
      volumes.snapshots.restore('data', first.id),
      volumes.snapshots.create('data', 'second'),
      volumes.snapshots.remove('data', first.id),
      volumes.snapshots.create('data', 'third'),
    ]);
    const directory = dirname(volume.mountpoint);
    const [second, third] = volumes.snapshots.list('data').map(({ id }) => join(directory, 'snapshots', id));
    for (const path of [volume.mountpoint, second ?? '', third ?? '']) assert.equal(readdirSync(path).length, 200);
  });
});

test('a volume is not removed while a snapshot or a clone of it is being made', async () => {
  await inWorld(async ({ volumes }) => {
    const volume = await volumes.create(spec('data'));
    inside(volume, 'for i in $(seq 300); do echo $i > $i; done');
    for (const make of [() => volumes.snapshots.create('data', undefined), () => volumes.clone('data', 'copy', {})]) {
      const making = make();
      await assert.rejects(volumes.remove('data', { force: true }), /a copy of the volume is being made/);
      await making;
    }
    assert.equal(readdirSync(volumes.get('copy').mountpoint).length, 300);
    await volumes.remove('data', { force: true });
  });
});
