import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#/base/log.ts';
import { createNetns, removeNetns } from '#/linux/netns.ts';
import { inThrowawayHost } from '../../../tests/support/host.ts';
import { openDhcp } from './dhcp.ts';
import type { Lease } from './lease.ts';

inThrowawayHost();

const dir = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'dhcp-'));
const NETNS = join(dir, 'netns');
const MAC = '02:00:00:00:00:09';
const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });
const inside = (...args: string[]) => run('nsenter', `--net=${NETNS}`, ...args);

createNetns(NETNS, () => {});
run('ip', 'link', 'add', 'srv0', 'type', 'veth', 'peer', 'name', 'eth0', 'address', MAC, 'netns', NETNS);
run('ip', 'address', 'add', '10.66.0.1/24', 'dev', 'srv0');
run('ip', 'link', 'set', 'srv0', 'up');
inside('ip', 'link', 'set', 'eth0', 'up');

let server: ChildProcess | undefined;
let said = '';
async function serve(address: string, leaseSec: number): Promise<void> {
  const config = join(dir, 'udhcpd.conf');
  const leases = join(dir, 'leases');
  writeFileSync(leases, '');
  writeFileSync(
    config,
    [
      `start ${address}`,
      `end ${address}`,
      'interface srv0',
      `lease_file ${leases}`,
      `pidfile ${join(dir, 'pid')}`,
      'min_lease 1',
      'max_leases 1',
      'option subnet 255.255.255.0',
      'option router 10.66.0.1',
      `option lease ${leaseSec}`,
      '',
    ].join('\n'),
  );
  server = spawn('busybox', ['udhcpd', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  said = '';
  server.stderr?.on('data', (text) => {
    said += text;
  });
  while (!said.includes('started')) await sleep(10);
}
async function stopServer(): Promise<void> {
  if (server === undefined) return;
  server.kill('SIGKILL');
  await once(server, 'exit');
  server = undefined;
}
const clients = openDhcp({ log: silentLogger, retryMs: 100 });
afterEach(async () => {
  clients.close();
  await stopServer();
  inside('ip', 'address', 'flush', 'dev', 'eth0');
});
after(async () => {
  await removeNetns(NETNS);
  rmSync(dir, { recursive: true });
});

/** Acquires and uses what it is lent, as an endpoint does. */
async function acquire(endpointId: string, asked: ReturnType<typeof request>): Promise<void> {
  const lease = await clients.acquire(endpointId, asked);
  if (lease !== undefined) await asked.onLease(lease);
}

function request(known = '') {
  const leases: (Lease | undefined)[] = [];
  return {
    leases,
    path: NETNS,
    interfaceName: 'eth0',
    macAddress: MAC,
    clientId: 'gantry-test',
    known,
    networkName: 'wire',
    async onLease(lease: Lease | undefined) {
      leases.push(lease);
      inside('ip', 'address', 'flush', 'dev', 'eth0');
      if (lease !== undefined) inside('ip', 'address', 'add', `${lease.address}/${lease.prefixLength}`, 'dev', 'eth0');
    },
  };
}

test('an interface without address is lent one, with its network and gateway, and works', async () => {
  await serve('10.66.0.100', 3600);
  const asked = request();
  await acquire('e1', asked);
  const [lease] = asked.leases;
  assert.equal(lease?.address, '10.66.0.100');
  assert.equal(lease?.prefixLength, 24);
  assert.equal(lease?.gateway, '10.66.0.1');
  assert.deepEqual(lease?.server.address, '10.66.0.1');
  inside('busybox', 'ping', '-c1', '-W2', '10.66.0.1');
  await acquire('e1', asked);
  assert.equal(asked.leases.length, 1);
});

test('a lease is renewed when half of its time is over, by its server alone', async () => {
  await serve('10.66.0.100', 4);
  const asked = request();
  await acquire('e1', asked);
  await sleep(2600);
  assert.equal(asked.leases.length, 2);
  assert.deepEqual(asked.leases[1]?.address, '10.66.0.100');
  assert.ok((asked.leases[1]?.expiresAtMs ?? 0) > (asked.leases[0]?.expiresAtMs ?? 0) + 1500);
});

test('after a restart the known address is confirmed, or replaced where the server says no', async () => {
  await serve('10.66.0.100', 3600);
  const first = request();
  await acquire('e1', first);
  clients.close();
  const again = request('10.66.0.100');
  await acquire('e1', again);
  await until(() => again.leases.length === 1);
  assert.equal(again.leases[0]?.address, '10.66.0.100');
  clients.close();
  await stopServer();
  await serve('10.66.0.150', 3600);
  const moved = request('10.66.0.100');
  await acquire('e1', moved);
  await until(() => moved.leases.length === 1);
  assert.equal(moved.leases[0]?.address, '10.66.0.150');
});

test('an address is given back, and then lent to another', async () => {
  await serve('10.66.0.100', 3600);
  const asked = request();
  await acquire('e1', asked);
  const other = { ...request(), macAddress: '02:00:00:00:00:0a', clientId: 'gantry-other' };
  await assert.rejects(acquire('e2', other), { kind: 'unavailable' });
  await clients.release('e1');
  await clients.release('e1');
  // The server looks whether somebody uses it before it lends it again.
  inside('ip', 'address', 'flush', 'dev', 'eth0');
  await acquire('e2', other);
  assert.equal(other.leases[0]?.address, '10.66.0.100');
});

test('where nobody answers it says so', async () => {
  const asked = request();
  const begunMs = performance.now();
  await assert.rejects(acquire('e1', asked), {
    kind: 'unavailable',
    message: 'no DHCP server answered on network wire',
  });
  assert.ok(performance.now() - begunMs < 30_000);
  assert.deepEqual(asked.leases, []);
});

test('an address whose server is gone is given up when its time is over, and asked for again', async () => {
  await serve('10.66.0.100', 2);
  const asked = request();
  await acquire('e1', asked);
  await stopServer();
  await until(() => asked.leases.includes(undefined), 30_000);
  assert.deepEqual(JSON.parse(inside('ip', '-j', '-4', 'address', 'show', 'eth0')), []);
  await serve('10.66.0.100', 3600);
  await until(() => asked.leases.at(-1) !== undefined, 30_000);
  assert.equal(asked.leases.at(-1)?.address, '10.66.0.100');
});

async function until(isTrue: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!isTrue()) {
    assert.ok(performance.now() < deadlineMs, `waited ${timeoutMs} ms; the server said: ${said}`);
    await sleep(20);
  }
}
