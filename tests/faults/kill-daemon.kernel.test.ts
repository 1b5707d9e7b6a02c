import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { isLongRun, type Random, seededRandom } from '../support/random.ts';
import { busyboxArchive, loadImage, removeEverything } from './api.ts';
import { Customers } from './customers.ts';
import { assertNothingLeaked, settledWorld } from './leaks.ts';

inThrowawayHost();

const KILLS = isLongRun ? 200 : 12;
const CLIENTS = 4;
/** Containers and images of this many kills pile up before all are removed and nothing may be left. */
const KILLS_PER_CLEANING = 3;

test(`kill -9 (or SIGTERM) of the daemon at ${KILLS} moments loses nothing that was answered and leaks nothing`, async (context) => {
  const random = seededRandom((line) => context.diagnostic(line));
  const busybox = busyboxArchive();
  let daemon = await startDaemon(context);
  const before = await settledWorld(daemon);
  const customers = new Customers(random);
  const recoveries: number[] = [];
  for (let kill = 1; kill <= KILLS; kill++) {
    await loadImage(daemon, busybox);
    await workUntilKilled(daemon, customers, random);
    await sleep(random.below(400));
    const started = performance.now();
    daemon = await startAgain(daemon, random);
    recoveries.push(Math.round(performance.now() - started));
    await customers.claim(daemon);
    if (kill % KILLS_PER_CLEANING !== 0 && kill !== KILLS) continue;
    await removeEverything(daemon);
    await assertNothingLeaked(daemon, before);
    customers.forgetAll();
  }
  context.diagnostic(`${customers.answered} answers; starts took ${recoveries.join(', ')} ms`);
});

async function workUntilKilled(daemon: TestDaemon, customers: Customers, random: Random): Promise<void> {
  let isOver = false;
  const working = customers.work(daemon, CLIENTS, () => isOver);
  const ending = sleep(random.below(1500)).then(async () => {
    isOver = true;
    // Some are asked to end instead, in the middle of their work.
    if (random.below(5) === 0) assert.equal(await daemon.stop(), 0);
    else await daemon.kill9();
  });
  await Promise.all([working, ending]);
}

/** One start in four is itself killed on its way. */
async function startAgain(daemon: TestDaemon, random: Random): Promise<TestDaemon> {
  const isKilledToo = random.below(4) === 0;
  const moment = random.below(900);
  if (isKilledToo) {
    const starting = daemon.again().then(
      (started) => started,
      () => undefined,
    );
    await sleep(moment);
    killStarting(daemon);
    // Where it was too early or too late for that.
    await (await starting)?.kill9();
  }
  return await daemon.again();
}

/** A daemon writes its pid into the lock of its data root first of all. */
function killStarting(last: TestDaemon): void {
  const pid = Number(readFileSync(join(last.dataRoot, 'daemon.lock'), 'utf8'));
  if (pid <= 1 || pid === last.pid) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
