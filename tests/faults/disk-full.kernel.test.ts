import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ApiAnswer, TestDaemon } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon.ts';
import { fillDisk, mountSmallDisk } from '../support/disk.ts';
import { inThrowawayHost } from '../support/host.ts';
import { makeImageArchive } from '../support/image.ts';
import { isLongRun } from '../support/random.ts';
import {
  busyboxArchive,
  createBody,
  expectApi,
  inspectState,
  loadImage,
  removeEverything,
  runContainer,
} from './api.ts';
import { assertNothingLeaked, type LastingWorld, lastingWorld, settledWorld } from './leaks.ts';

inThrowawayHost();

const IS_FULL = /no space left|ENOSPC|disk is full/i;
const STEPS = isLongRun ? 24 : 5;

/** Fills the disk up to `leaveKb`, runs `body`, and frees it again. */
async function whileFull<T>(disk: string, leaveKb: number, body: () => Promise<T>): Promise<T> {
  const filler = fillDisk(disk, leaveKb + 512);
  const rest = join(disk, 'rest');
  exhaust(disk, rest, leaveKb);
  try {
    return await body();
  } finally {
    for (const path of [filler, rest]) rmSync(path, { force: true });
  }
}

function exhaust(disk: string, path: string, leaveKb: number): void {
  const freeKb = (): number => {
    const { bavail, bsize } = statfsSync(disk);
    return (bavail * bsize) / 1024;
  };
  try {
    while (leaveKb === 0 || freeKb() > leaveKb) writeFileSync(path, Buffer.alloc(1024), { flag: 'a' });
  } catch {
    // Full to the last block.
  }
}

const failed = ({ status, text }: ApiAnswer): boolean => status >= 400 || text.includes('errorDetail');

function assertClear(answer: ApiAnswer, what: string): void {
  assert.match(answer.text, IS_FULL, `${what}: ${answer.status} ${answer.text}`);
  // More than the bare word: what was being written.
  assert.ok(answer.text.length > 40, answer.text);
}

test('a load onto a disk that runs full at any point says so, leaves nothing, and works once there is room', async (context) => {
  const disk = mountSmallDisk('data-disk', 48);
  const daemon = await startDaemon(context, { dataRoot: join(disk, 'data') });
  const empty = await settledWorld(daemon);
  const content = randomBytes(1_500_000);
  const layers = [[{ name: 'a', content }], [{ name: 'b', content: content.subarray(1) }]];
  const { archive } = makeImageArchive({ layers, tags: ['big:1'] });
  let failures = 0;
  for (let step = 0; step <= STEPS; step++) {
    const leaveKb = Math.round((step * 3300) / STEPS);
    const answer = await whileFull(disk, leaveKb, () => daemon.api('POST', '/images/load?quiet=1', archive));
    if (failed(answer)) {
      failures++;
      assertClear(answer, `load with ${leaveKb} KiB`);
    } else await removeEverything(daemon);
    await assertNothingLeaked(daemon, empty);
  }
  assert.ok(failures >= 3, `${failures} loads failed`);
  await loadImage(daemon, archive);
  await removeEverything(daemon);
  await assertNothingLeaked(daemon, empty);
});

/** With busybox loaded, and its layer mounted for further containers. */
async function worldWithImage(daemon: TestDaemon): Promise<LastingWorld> {
  await loadImage(daemon, busyboxArchive());
  await runContainer(daemon, { name: 'first', command: ['true'] });
  await expectApi(daemon, 204, 'DELETE', '/containers/first?force=1');
  return lastingWorld(daemon);
}

async function tryToRun(daemon: TestDaemon, name: string): Promise<ApiAnswer | undefined> {
  const body = createBody({ name, command: ['sleep', '1000'], network: 'bridge' });
  const created = await daemon.api('POST', `/containers/create?name=${name}`, body);
  if (failed(created)) return created;
  const started = await daemon.api('POST', `/containers/${name}/start`);
  return failed(started) ? started : undefined;
}

async function exhaustAtEveryStep(
  context: TestContext,
  daemon: TestDaemon,
  disk: string,
  stepKb: number,
  before: LastingWorld,
): Promise<number> {
  let failures = 0;
  for (let step = 0; step <= STEPS; step++) {
    const leaveKb = Math.round(step * stepKb);
    const failure = await whileFull(disk, leaveKb, () => tryToRun(daemon, 'box'));
    if (failure !== undefined) {
      failures++;
      context.diagnostic(`${leaveKb} KiB: ${failure.text.trim()}`);
      assertClear(failure, `run with ${leaveKb} KiB`);
      await expectApi(daemon, [204, 404], 'DELETE', '/containers/box?force=1');
      await assertNothingLeaked(daemon, before);
      await runContainer(daemon, { name: 'box', command: ['sleep', '1000'], network: 'bridge' });
    }
    assert.ok((await inspectState(daemon, 'box')).Running);
    await expectApi(daemon, 204, 'DELETE', '/containers/box?force=1');
    await assertNothingLeaked(daemon, before);
  }
  return failures;
}

test('create and start on a data root that is full at any point leave nothing, and work once there is room', async (context) => {
  const disk = mountSmallDisk('data-disk-2', 48);
  const daemon = await startDaemon(context, { dataRoot: join(disk, 'data') });
  const empty = await settledWorld(daemon);
  const before = await worldWithImage(daemon);
  const failures = await exhaustAtEveryStep(context, daemon, disk, 200 / STEPS, before);
  context.diagnostic(`${failures} of ${STEPS + 1} runs failed`);
  await removeEverything(daemon);
  await assertNothingLeaked(daemon, empty);
});

test('create and start with a full exec root leave nothing, and work once there is room', async (context) => {
  const disk = join(tmpdir(), 'exec-disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=755', 'tmpfs', disk]);
  const daemon = await startDaemon(context, { execRoot: join(disk, 'run') });
  const empty = await settledWorld(daemon);
  const before = await worldWithImage(daemon);
  const failures = await exhaustAtEveryStep(context, daemon, disk, 200 / STEPS, before);
  context.diagnostic(`${failures} of ${STEPS + 1} runs failed`);
  assert.ok(failures >= 2);
  await removeEverything(daemon);
  await assertNothingLeaked(daemon, empty);
});

test('while the data root is full, containers run, stop, are killed and removed, and exits are recorded', async (context) => {
  const disk = mountSmallDisk('data-disk-3', 48);
  const daemon = await startDaemon(context, { dataRoot: join(disk, 'data') });
  const empty = await settledWorld(daemon);
  await loadImage(daemon, busyboxArchive());
  await runContainer(daemon, {
    name: 'loud',
    command: ['sh', '-c', 'trap "exit 5" TERM; while :; do echo x; sleep 0.05; done'],
  });
  await runContainer(daemon, {
    name: 'quiet',
    command: ['sh', '-c', 'trap "exit 6" TERM; while :; do sleep 0.05; done'],
  });
  await runContainer(daemon, { name: 'killed', command: ['sleep', '1000'] });
  await whileFull(disk, 0, async () => {
    const seen: string[] = [];
    for (const [method, path] of [
      ['POST', '/containers/loud/stop?t=2'],
      ['POST', '/containers/quiet/stop?t=2'],
      ['POST', '/containers/killed/kill'],
      ['DELETE', '/containers/killed?force=1'],
    ] as const) {
      const started = performance.now();
      const { status, text } = await daemon.api(method, path);
      seen.push(`${path}: ${status} in ${Math.round(performance.now() - started)} ms ${text}`);
    }
    context.diagnostic(seen.join('\n'));
    assert.ok(
      seen.every((line) => line.includes(': 204 ')),
      seen.join('\n'),
    );
    assert.equal((await inspectState(daemon, 'quiet')).ExitCode, 6);
    await expectApi(daemon, 204, 'DELETE', '/containers/loud');
  });
  await removeEverything(daemon);
  await assertNothingLeaked(daemon, empty);
});
