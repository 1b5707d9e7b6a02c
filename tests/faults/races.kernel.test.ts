import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { isLongRun, type Random, seededRandom } from '../support/random.ts';
import { busyboxArchive, createBody, dataArchive, expectApi, loadImage, removeEverything } from './api.ts';
import { assertNothingLeaked, type LastingWorld, settledWorld } from './leaks.ts';

inThrowawayHost();

const STEPS = isLongRun ? 1000 : 60;
const CLIENTS = 8;
const NAMES = ['race-x', 'race-y', 'race-z'];

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
    await assertNothingLeaked(daemon, empty);
  } finally {
    await daemon.stop();
  }
});

const OPERATIONS = [
  'POST start',
  'POST start',
  'POST stop?t=1',
  'POST restart?t=0',
  'POST kill',
  'POST kill?signal=TERM',
  'POST pause',
  'POST unpause',
  'POST rename',
  'GET json',
  'GET top',
  'GET logs?stdout=1',
  'GET stats?stream=0&one-shot=1',
  'POST wait',
  'POST attach?stream=1&stdout=1',
  'POST exec',
  'DELETE ',
  'DELETE ?force=1',
] as const;

const COMMANDS = [['sleep', '1000'], ['sh', '-c', 'exit 3'], ['sh', '-c', 'sleep 0.05; exit 4'], ['/nope']];

async function oneStep(random: Random): Promise<void> {
  const name = random.pick(NAMES);
  if (random.below(4) === 0) return await create(random, name);
  const [method = '', verb = ''] = random.pick(OPERATIONS).split(' ');
  const path = verb === 'rename' ? `rename?name=${random.pick(NAMES)}` : verb;
  const url = `/containers/${name}${path === '' || path.startsWith('?') ? '' : '/'}${path}`;
  const body = verb === 'exec' ? { Cmd: ['true'], AttachStdout: true } : undefined;
  const asking = daemon.api(method, url, body);
  asking.catch(() => {});
  // Nobody ends what a waiting client waits for.
  const answer = await (/wait|attach/.test(verb) ? Promise.race([asking, sleep(300, undefined)]) : asking);
  if (answer === undefined) return;
  assert.ok(answer.status < 500, `${method} ${url}: ${answer.status} ${answer.text}`);
  if (verb !== 'exec' || answer.status !== 201) return;
  const started = await daemon.api('POST', `/exec/${(answer.body as { Id: string }).Id}/start`, {
    Detach: false,
    Tty: random.below(2) === 0,
  });
  assert.ok(started.status < 500, `exec start: ${started.status} ${started.text}`);
}

async function create(random: Random, name: string): Promise<void> {
  const hostConfig = random.pick([
    {},
    { AutoRemove: true },
    { RestartPolicy: { Name: 'always' } },
    { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
  ]);
  const body = createBody({
    name,
    command: random.pick(COMMANDS),
    network: random.pick(['none', 'bridge']),
    hostConfig,
  });
  const { status, text } = await daemon.api('POST', `/containers/create?name=${name}`, body);
  assert.ok(status < 500, `create: ${status} ${text}`);
}

test('clients that fight over the same containers get answers, and nothing is left when they are removed', async (context) => {
  const random = seededRandom((line) => context.diagnostic(line));
  const client = async (): Promise<void> => {
    for (let step = 0; step < STEPS; step++) await oneStep(random);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  for (const name of NAMES) await expectApi(daemon, [204, 404], 'DELETE', `/containers/${name}?force=1`);
  const { body } = await expectApi(daemon, 200, 'GET', '/containers/json?all=1');
  assert.deepEqual(body, []);
});

test('loads and removals of the same images at once leave what was loaded last, or nothing', async () => {
  const shared = randomBytes(200_000);
  const archives = [1, 2, 3].map((index) => dataArchive(`same:${index % 2}`, shared.subarray(index % 2)));
  const load = async (archive: Uint8Array) => {
    const { status, text } = await daemon.api('POST', '/images/load?quiet=1', archive);
    assert.ok(status === 200 && text.includes('Loaded image'), `${status} ${text}`);
  };
  for (let round = 0; round < (isLongRun ? 100 : 8); round++) {
    await Promise.all([
      ...archives.map(load),
      ...[0, 1].map((tag) => expectApi(daemon, [200, 404, 409], 'DELETE', `/images/same:${tag}?force=1`)),
    ]);
    for (const tag of [0, 1]) {
      const saved = await daemon.api('GET', `/images/same:${tag}/get`);
      assert.ok(saved.status === 200 || saved.status === 404, saved.text.slice(0, 300));
    }
  }
});
