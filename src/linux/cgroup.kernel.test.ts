import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { poll } from '#/base/delay.ts';
import { isEngineError } from '#/base/errors.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import {
  type Cgroup,
  type CgroupHost,
  cgroupNameFor,
  findControllerDirectory,
  listCgroups,
  listPids,
  locateCgroup,
  probeCgroups,
  readOomKills,
} from './cgroup.ts';
import { killCgroup, removeCgroup } from './cgroup-remove.ts';
import { readCgroupStats } from './cgroup-stats.ts';
import { MS, mount, unmount } from './mount.ts';
import type { RunningProgram } from './process.ts';
import { spawnProgram } from './spawn-program.ts';

inThrowawayHost();

const host = probeCgroups();

/** Makes the group in every hierarchy, as a runtime does; killed and removed at the end of the test. */
function makeGroup(t: TestContext, name: string, on: CgroupHost = host): Cgroup {
  const cgroup = locateCgroup(on, `/gantry/${name}`);
  for (const { directory, root, hidden } of cgroup.directories) {
    mkdirSync(directory, { recursive: true });
    for (const file of hidden ? [] : ['cpuset.cpus', 'cpuset.mems']) {
      for (const group of [join(root, 'gantry'), directory]) {
        if (existsSync(join(group, file))) writeFileSync(join(group, file), readFileSync(join(root, file)));
      }
    }
  }
  t.after(async () => {
    await killCgroup(cgroup);
    await removeCgroup(locateCgroup(on, '/gantry'));
  });
  return cgroup;
}

function enter(cgroup: Cgroup, pid: number): void {
  for (const { directory, hidden } of cgroup.directories) {
    if (!hidden) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  }
}

async function startIn(cgroup: Cgroup, script: string): Promise<RunningProgram> {
  const program = await spawnProgram('sh', ['-c', `read line; ${script}`], { stdio: ['pipe', 'ignore', 'ignore'] });
  enter(cgroup, program.pid);
  program.stdin?.end('\n');
  return program;
}

test('the hierarchies and controllers that are mounted are found', () => {
  assert.notEqual(host.mode, 'none');
  for (const controller of ['memory', 'cpu', 'pids']) assert.ok(host.controllers.includes(controller), controller);
  for (const { directory, controllers, version } of host.hierarchies) {
    const file = version === 2 ? 'cgroup.controllers' : 'cgroup.clone_children';
    assert.ok(existsSync(join(directory, file)), `${directory} ${controllers}`);
  }
});

test('a group is found by its container’s id, listed, its processes too, and removed from everywhere', async (t) => {
  const cgroup = makeGroup(t, 'c1');
  const program = await startIn(cgroup, 'sleep 60 & wait');
  t.after(() => program.kill('SIGKILL'));
  const hasBoth = () => listPids(cgroup).length === 2 || undefined;
  assert.ok(await poll(hasBoth, { intervalMs: 5, timeoutMs: 30_000 }));
  assert.ok(listPids(cgroup).includes(program.pid));
  assert.deepEqual(listCgroups(locateCgroup(host, '/gantry')), ['c1']);
  await assert.rejects(removeCgroup(cgroup, { timeoutMs: 20 }), (error: unknown) => isEngineError(error, 'conflict'));
  await killCgroup(cgroup);
  assert.equal((await program.exited).signal, 'SIGKILL');
  await removeCgroup(cgroup);
  await removeCgroup(cgroup);
  assert.ok(cgroup.directories.every(({ directory }) => !existsSync(directory)));
  assert.deepEqual(listPids(cgroup), []);
  assert.equal(readCgroupStats(cgroup), undefined);
});

test('frozen processes, also in a group below, are killed', async (t) => {
  const cgroup = makeGroup(t, 'frozen');
  const below = makeGroup(t, 'frozen/below');
  const program = await startIn(below, 'sleep 60');
  const freezer = findControllerDirectory(below, 'freezer');
  if (freezer !== undefined) writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
  await killCgroup(cgroup);
  assert.equal((await program.exited).signal, 'SIGKILL');
});

test('what a group uses and may use is told', async (t) => {
  const cgroup = makeGroup(t, 'stats');
  const memory = findControllerDirectory(cgroup, 'memory') ?? '';
  const pids = findControllerDirectory(cgroup, 'pids') ?? '';
  assert.equal(readCgroupStats(cgroup)?.memory.limitBytes, undefined);
  assert.equal(readCgroupStats(cgroup)?.pids.limit, undefined);
  const v1 = existsSync(join(memory, 'memory.limit_in_bytes'));
  writeFileSync(join(memory, v1 ? 'memory.limit_in_bytes' : 'memory.max'), String(64 << 20));
  writeFileSync(join(pids, 'pids.max'), '20');
  await startIn(cgroup, 'sleep 60 & while :; do :; done');
  const hasWorked = () => (readCgroupStats(cgroup)?.cpu.userNs ?? 0) > 1e6 || undefined;
  assert.ok(await poll(hasWorked, { intervalMs: 20, timeoutMs: 30_000 }), 'the loop is seen to use the processor');
  const userBefore = userTimeNs(cgroup);
  const stats = readCgroupStats(cgroup);
  const userAfter = userTimeNs(cgroup);
  assert.ok(stats !== undefined);
  assert.equal(stats.memory.limitBytes, 64 << 20);
  assert.ok(stats.memory.usageBytes > 0 && stats.memory.usageBytes < 64 << 20);
  assert.ok(Object.keys(stats.memory.details).length > 5);
  assert.deepEqual([stats.pids.limit, stats.pids.current > 0], [20, true]);
  assert.ok(stats.cpu.totalNs > 1e6, String(stats.cpu.totalNs));
  // Not compared with the total: v1 samples user and system time by ticks, which may add up to more.
  assert.ok(stats.cpu.userNs >= userBefore && stats.cpu.userNs <= userAfter);
});

/** As the kernel's file says now. */
function userTimeNs(cgroup: Cgroup): number {
  const v1 = join(findControllerDirectory(cgroup, 'cpuacct') ?? '', 'cpuacct.usage_user');
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8'));
  const v2 = readFileSync(join(findControllerDirectory(cgroup, 'cpu') ?? '', 'cpu.stat'), 'utf8');
  return Number(/^user_usec (\d+)$/m.exec(v2)?.[1]) * 1000;
}

test('kills for want of memory are counted', async (t) => {
  const cgroup = makeGroup(t, 'oom');
  const memory = findControllerDirectory(cgroup, 'memory') ?? '';
  const v1 = existsSync(join(memory, 'memory.limit_in_bytes'));
  writeFileSync(join(memory, v1 ? 'memory.limit_in_bytes' : 'memory.max'), String(8 << 20));
  assert.equal(readOomKills(cgroup), 0);
  const program = await startIn(cgroup, 'exec tail /dev/zero');
  assert.equal((await program.exited).signal, 'SIGKILL');
  assert.equal(readOomKills(cgroup), 1);
});

test('a unified hierarchy that is hidden counts no longer, but what is left in its place is removed', async (t) => {
  const unified = host.hierarchies.find(({ version }) => version === 2);
  if (unified === undefined || host.mode === 'v2') return t.skip('this host is not hybrid');
  mount('tmpfs', unified.directory, 'tmpfs', MS.NOSUID);
  t.after(() => unmount(unified.directory));
  const now = probeCgroups();
  const found = now.hierarchies.filter(({ directory }) => directory === unified.directory);
  assert.deepEqual(found, [{ version: 2, directory: unified.directory, controllers: [], hidden: true }]);
  assert.equal(now.mode, 'hybrid');
  const cgroup = makeGroup(t, 'c2', now);
  assert.ok(existsSync(join(unified.directory, 'gantry/c2')));
  await removeCgroup(cgroup);
  assert.ok(!existsSync(join(unified.directory, 'gantry/c2')));
});

test('names follow the driver, nested slices too', () => {
  assert.deepEqual(cgroupNameFor('abc', 'cgroupfs'), { ociPath: '/gantry/abc', path: '/gantry/abc' });
  assert.equal(cgroupNameFor('abc', 'cgroupfs', '/../my/parent').path, '/my/parent/abc');
  assert.deepEqual(cgroupNameFor('abc', 'systemd'), {
    ociPath: 'system.slice:gantry:abc',
    path: '/system.slice/gantry-abc.scope',
  });
  assert.equal(cgroupNameFor('abc', 'systemd', 'a-b.slice').path, '/a.slice/a-b.slice/gantry-abc.scope');
  assert.throws(() => cgroupNameFor('abc', 'systemd', '/x'), /should be a valid slice/);
  assert.throws(() => locateCgroup(host, '/..'), /root of all/);
});
