import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { isLongRun } from '../support/random.ts';
import { busyboxArchive, createBody, expectApi, loadImage, removeEverything, runContainer } from './api.ts';
import { assertNothingLeaked, type LastingWorld, settledWorld } from './leaks.ts';

inThrowawayHost();

const IDLE = isLongRun ? 300 : 30;
const AT_ONCE = 20;

let daemon: TestDaemon;
let empty: LastingWorld;

before(async () => {
  daemon = await startDaemon(undefined);
  empty = await settledWorld(daemon);
  await loadImage(daemon, busyboxArchive());
});

after(async () => {
  try {
    await removeEverything(daemon);
    await assertNothingLeaked(daemon, empty, 20_000);
  } finally {
    await daemon.stop();
  }
});

const SLEEP = ['sleep', '100000'];

/** Runs `body` for 0 to `count` - 1, `lanes` at a time. */
async function inLanes(count: number, lanes: number, body: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await body(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function runningCount(): Promise<number> {
  const { body } = await expectApi(daemon, 200, 'GET', '/containers/json');
  return (body as unknown[]).length;
}

async function timedMs(body: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await body();
  return Math.round(performance.now() - started);
}

const residentMb = (): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024);

test(`${AT_ONCE} containers that are created, started, stopped and removed all at once all succeed`, async (context) => {
  const names = Array.from({ length: AT_ONCE }, (_, index) => `at-once-${index}`);
  const each = (method: string, path: (name: string) => string, status: number, body?: object) =>
    timedMs(() => Promise.all(names.map((name) => expectApi(daemon, status, method, path(name), body))));
  // A first process that has not set its trap yet does not hear SIGTERM.
  const more = { StopSignal: 'SIGKILL' };
  const body = createBody({ name: '', command: SLEEP, network: 'bridge', more });
  const created = await each('POST', (name) => `/containers/create?name=${name}`, 201, body);
  const started = await each('POST', (name) => `/containers/${name}/start`, 204);
  assert.equal(await runningCount(), AT_ONCE);
  const stopped = await each('POST', (name) => `/containers/${name}/stop?t=20`, 204);
  const removed = await each('DELETE', (name) => `/containers/${name}`, 204);
  context.diagnostic(`create ${created} ms, start ${started} ms, stop ${stopped} ms, rm ${removed} ms`);
});

test(`${IDLE} idle containers start, outlive the daemon, and go without a failure`, async (context) => {
  const started = await timedMs(() =>
    inLanes(IDLE, 4, (index) => runContainer(daemon, { name: `idle-${index}`, command: SLEEP, network: 'bridge' })),
  );
  assert.equal(await runningCount(), IDLE);
  context.diagnostic(`${IDLE} started in ${started} ms; daemon ${residentMb()} MB`);
  await daemon.kill9();
  const recovered = await timedMs(async () => {
    daemon = await daemon.again();
  });
  assert.equal(await runningCount(), IDLE);
  context.diagnostic(`a killed daemon answers again ${recovered} ms after it was started, with all ${IDLE} running`);
  // A third ends while there is no daemon.
  await daemon.kill9();
  const ended = Math.floor(IDLE / 3);
  for (const pid of sleepers().slice(0, ended)) process.kill(pid, 'SIGKILL');
  const recorded = await timedMs(async () => {
    daemon = await daemon.again();
  });
  assert.equal(await runningCount(), IDLE - ended);
  context.diagnostic(`${recorded} ms where ${ended} had ended meanwhile`);
  const removed = await timedMs(() =>
    inLanes(IDLE, 4, (index) => expectApi(daemon, 204, 'DELETE', `/containers/idle-${index}?force=1`)),
  );
  assert.equal(await runningCount(), 0);
  context.diagnostic(`removed in ${removed} ms`);
});

/** The containers' own processes, here. */
function sleepers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] === 'sleep');
}
