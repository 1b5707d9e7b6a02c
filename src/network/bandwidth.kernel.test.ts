import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createNetns, removeNetns } from '#/linux/netns.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { applyBandwidth, removeBandwidth, sweepBandwidth } from './bandwidth.ts';

inThrowawayHost();

const dir = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'bandwidth-'));
const NETNS = join(dir, 'netns');
const PORT = 'gv0123456789a';
const QUEUE = 'gi0123456789a';
const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });
const inside = (...args: string[]) => run('nsenter', `--net=${NETNS}`, ...args);
const disciplines = (name: string) => JSON.parse(run('tc', '-j', 'qdisc', 'show', 'dev', name));
const links = (): string[] => JSON.parse(run('ip', '-j', 'link')).map(({ ifname }: { ifname: string }) => ifname);

createNetns(NETNS, () => {});
run('ip', 'link', 'add', PORT, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NETNS);
run('ip', 'address', 'add', '10.88.0.1/24', 'dev', PORT);
run('ip', 'link', 'set', PORT, 'up');
inside('ip', 'address', 'add', '10.88.0.2/24', 'dev', 'eth0');
inside('ip', 'link', 'set', 'eth0', 'up');
after(async () => {
  await removeNetns(NETNS);
  rmSync(dir, { recursive: true });
});

/** What the container really receives, or sends, in Mbit a second, by iperf3's word. */
async function measure(direction: 'in' | 'out'): Promise<number> {
  const server = spawn('nsenter', [`--net=${NETNS}`, 'iperf3', '--server', '--one-off', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(server.stdout, 'data');
  const reverse = direction === 'out' ? ['--reverse'] : [];
  const report = run('iperf3', '--json', '--client', '10.88.0.2', '--time', '2', '--omit', '1', ...reverse);
  await once(server, 'exit');
  return JSON.parse(report).end.sum_received.bits_per_second / 1e6;
}

const assertNear = (actual: number, wanted: number): void =>
  assert.ok(actual > wanted * 0.8 && actual < wanted * 1.1, `${actual} Mbit/s instead of ${wanted}`);

test('each direction keeps to its own rate', async () => {
  await applyBandwidth(PORT, { 'gantry.rate-in': '20mbit', 'gantry.rate-out': '50mbit' });
  const [bucket, ingress] = disciplines(PORT);
  assert.equal(bucket.kind, 'tbf');
  assert.equal(bucket.options.rate, 2_500_000);
  assert.equal(ingress.kind, 'ingress');
  assert.equal(disciplines(QUEUE)[0].options.rate, 6_250_000);
  assertNear(await measure('in'), 20);
  assertNear(await measure('out'), 50);
});

test('one rate for both ways replaces what was set, however often', async () => {
  const options = { 'gantry.rate': '100mbit' };
  await applyBandwidth(PORT, options);
  await applyBandwidth(PORT, options);
  assert.equal(disciplines(PORT)[0].options.rate, 12_500_000);
  assert.equal(
    JSON.parse(run('tc', '-j', 'filter', 'show', 'dev', PORT, 'ingress')).filter(
      (one: { options?: { actions?: unknown } }) => one.options?.actions,
    ).length,
    1,
  );
  assertNear(await measure('out'), 100);
  assertNear(await measure('in'), 100);
});

test('rates above 34 Gbit, which need 64 bits, are set as asked for', async () => {
  await applyBandwidth(PORT, { 'gantry.rate': '100gbit' });
  assert.equal(disciplines(PORT)[0].options.rate, 12_500_000_000);
});

test('without options nothing is set; bad ones and a missing interface are told', async () => {
  await applyBandwidth('gv-none', {});
  await assert.rejects(applyBandwidth(PORT, { 'gantry.rate': 'much' }), { kind: 'invalid-argument' });
  await assert.rejects(applyBandwidth('gv-none', { 'gantry.rate': '1mbit' }), { kind: 'unavailable' });
});

test('the queue goes with the endpoint, and a forgotten one is swept', async () => {
  await applyBandwidth(PORT, { 'gantry.rate': '1mbit' });
  await sweepBandwidth();
  assert.ok(links().includes(QUEUE));
  await removeBandwidth(PORT, {});
  assert.ok(links().includes(QUEUE));
  await removeBandwidth(PORT, { 'gantry.rate': '1mbit' });
  await removeBandwidth(PORT, { 'gantry.rate': '1mbit' });
  assert.deepEqual(links(), ['lo', PORT]);
  await applyBandwidth(PORT, { 'gantry.rate': '1mbit' });
  run('ip', 'link', 'delete', PORT);
  await sweepBandwidth();
  assert.deepEqual(links(), ['lo']);
});
