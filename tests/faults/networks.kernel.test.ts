import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { isLongRun, type Random, seededRandom } from '../support/random.ts';
import { busyboxArchive, expectApi, loadImage, removeEverything, runContainer } from './api.ts';
import { assertNothingLeaked, lastingWorld, settledWorld } from './leaks.ts';
import { NetworkCustomers } from './network-customers.ts';

inThrowawayHost();

const KILLS = isLongRun ? 100 : 6;
const CLIENTS = 3;
const KILLS_PER_CLEANING = 2;
const PORT = 9100;

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const SERVE = ['httpd', '-f', '-p', '80', '-h', '/etc'];

/** Two containers on a network of their own, one with a published port: they must never lose it. */
async function startSteady(daemon: TestDaemon): Promise<void> {
  await expectApi(daemon, 201, 'POST', '/networks/create', { Name: 'steady' });
  const hostConfig = { PortBindings: { '80/tcp': [{ HostPort: String(PORT) }] } };
  const more = { ExposedPorts: { '80/tcp': {} } };
  await runContainer(daemon, { name: 'steady-server', command: SERVE, network: 'steady', more, hostConfig });
  await runContainer(daemon, { name: 'steady-client', command: ['sleep', '100000'], network: 'steady' });
}

async function pidOf(daemon: TestDaemon, name: string): Promise<string> {
  const { body } = await expectApi(daemon, 200, 'GET', `/containers/${name}/json`);
  return String((body as { State: { Pid: number } }).State.Pid);
}

/** From inside, by the name that its resolver gives. */
async function assertReaches(daemon: TestDaemon, client: string, server: string): Promise<void> {
  const inside = ['-t', await pidOf(daemon, client), '-n'];
  const address = run('nsenter', ...inside, 'dig', '+short', '+time=2', '@127.0.0.11', server).trim();
  const answer = run('nsenter', ...inside, 'curl', '-sS', '--max-time', '3', `http://${address}/hostname`);
  assert.match(answer, /^[0-9a-f]{12}\n$/);
}

/** By name inside, over the host's loopback from outside. */
async function assertSteady(daemon: TestDaemon): Promise<void> {
  await assertReaches(daemon, 'steady-client', 'steady-server');
  assert.match(run('curl', '-sS', '--max-time', '3', `http://127.0.0.1:${PORT}/hostname`), /^[0-9a-f]{12}\n$/);
}

test(`kill -9 of the daemon at ${KILLS} moments: networks, ports and volumes leak nothing, and what runs keeps its network`, async (context) => {
  const random = seededRandom((line) => context.diagnostic(line));
  let daemon = await startDaemon(context);
  await loadImage(daemon, busyboxArchive());
  await startSteady(daemon);
  const before = lastingWorld(daemon);
  const customers = new NetworkCustomers(random);
  for (let kill = 1; kill <= KILLS; kill++) {
    let isOver = false;
    const working = customers.work(daemon, CLIENTS, () => isOver);
    await sleep(300 + random.below(2000));
    isOver = true;
    await daemon.kill9();
    await working;
    daemon = await startAgain(daemon, random);
    await assertSteady(daemon);
    assert.equal(run('find', join(daemon.dataRoot, 'volumes'), '-name', '.*-*'), '', 'half-made copies are swept');
    if (kill % KILLS_PER_CLEANING !== 0 && kill !== KILLS) continue;
    await removeAllBut(daemon, 'steady');
    await assertNothingLeaked(daemon, before);
    await assertSteady(daemon);
  }
  context.diagnostic(`${customers.done} requests were carried out`);
  assert.ok(customers.done > KILLS * CLIENTS);
});

/** One start in three is killed on its way too. */
async function startAgain(daemon: TestDaemon, random: Random): Promise<TestDaemon> {
  const next = await daemon.again();
  if (random.below(3) !== 0) return next;
  await sleep(random.below(300));
  await next.kill9();
  return await next.again();
}

async function removeAllBut(daemon: TestDaemon, kept: string): Promise<void> {
  const { body: containers } = await expectApi(daemon, 200, 'GET', '/containers/json?all=1');
  for (const { Id, Names } of containers as { Id: string; Names: string[] }[]) {
    if (Names[0]?.startsWith(`/${kept}`) !== true)
      await expectApi(daemon, [204, 404], 'DELETE', `/containers/${Id}?force=1&v=1`);
  }
  const { body: networks } = await expectApi(daemon, 200, 'GET', '/networks');
  for (const { Id, Name } of networks as { Id: string; Name: string }[]) {
    if (!['bridge', 'host', 'none', kept].includes(Name)) await expectApi(daemon, 204, 'DELETE', `/networks/${Id}`);
  }
  const { body: volumes } = await expectApi(daemon, 200, 'GET', '/volumes');
  for (const { Name } of (volumes as { Volumes: { Name: string }[] }).Volumes)
    await expectApi(daemon, 204, 'DELETE', `/volumes/${Name}?force=1`);
}

test('a bridge that somebody deletes comes back, with those who were on it', async (context) => {
  const daemon = await startDaemon(context);
  await loadImage(daemon, busyboxArchive());
  await startSteady(daemon);
  await assertSteady(daemon);
  const [bridge] = JSON.parse(run('ip', '-j', 'link', 'show', 'type', 'bridge')).filter(
    ({ ifname }: { ifname: string }) => ifname !== 'gantry0',
  );
  run('ip', 'link', 'delete', bridge.ifname);
  await eventually(() => assertSteady(daemon));
  await runContainer(daemon, { name: 'later', command: ['sleep', '100'], network: 'steady' });
  await assertReaches(daemon, 'later', 'steady-server');
  await removeAllBut(daemon, 'none');
});

test('forwarding that was switched off is switched on by the next who needs it', async (context) => {
  const daemon = await startDaemon(context);
  await loadImage(daemon, busyboxArchive());
  run('sysctl', '-qw', 'net.ipv4.ip_forward=0');
  await startSteady(daemon);
  assert.equal(run('sysctl', '-n', 'net.ipv4.ip_forward'), '1\n');
  await assertSteady(daemon);
  await removeAllBut(daemon, 'none');
});

test('a port that is taken fails a start in the words of Docker, leaves nothing, and works once it is free', async (context) => {
  const daemon = await startDaemon(context);
  const before = await settledWorld(daemon);
  await loadImage(daemon, busyboxArchive());
  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(PORT, '0.0.0.0', resolve));
  const hostConfig = { PortBindings: { '80/tcp': [{ HostPort: String(PORT) }] } };
  const body = { Image: 'busybox:test', Cmd: SERVE, ExposedPorts: { '80/tcp': {} }, HostConfig: hostConfig };
  await expectApi(daemon, 201, 'POST', '/containers/create?name=wants', body);
  const refused = await expectApi(daemon, 500, 'POST', '/containers/wants/start');
  assert.match(refused.text, /address already in use|port is already allocated/);
  await new Promise((resolve) => stranger.close(resolve));
  await expectApi(daemon, 204, 'POST', '/containers/wants/start');
  await eventually(async () =>
    assert.match(run('curl', '-sS', '--max-time', '2', `http://127.0.0.1:${PORT}/hostname`), /^\w/),
  );
  // Two that want the same one at once: one gets it.
  await expectApi(daemon, 204, 'DELETE', '/containers/wants?force=1');
  for (const name of ['one', 'two']) await expectApi(daemon, 201, 'POST', `/containers/create?name=${name}`, body);
  const statuses = await Promise.all(
    ['one', 'two'].map(async (name) => (await daemon.api('POST', `/containers/${name}/start`)).status),
  );
  assert.deepEqual(statuses.sort(), [204, 500]);
  await removeEverything(daemon);
  await assertNothingLeaked(daemon, before);
});

async function eventually(check: () => Promise<void>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(200);
  }
}
