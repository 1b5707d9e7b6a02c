import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#/base/clock.ts';
import { poll } from '#/base/delay.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { EventBus } from '#/events/events.ts';
import { openStore, type Store } from '#/store/store.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import type { Networks } from './network.ts';
import { type NetworksOptions, openNetworks } from './open.ts';
import { longestHoldMs } from './testing/longest-hold.ts';
import { ping as pingFrom } from './testing/ping.ts';

inThrowawayHost();

let dir: string;
let store: Store;
let events: EventBus;
let networks: Networks;

const reopen = async (options: Partial<NetworksOptions> = {}): Promise<Networks> => {
  await (networks as Networks | undefined)?.close();
  networks = await openNetworks({ store, events, log: silentLogger, clock: systemClock, execRoot: dir, ...options });
  return networks;
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'networks-'));
  store = openStore(join(dir, 'gantry.db'));
  events = new EventBus(systemClock);
  await reopen();
});

afterEach(async () => {
  for (const id of await networks.listSandboxes()) await networks.closeSandbox(id);
  await networks.close();
  store[Symbol.dispose]();
  await poll(() => (hostPorts().length === 0 ? true : undefined), { intervalMs: 20, timeoutMs: 30_000 });
  assert.deepEqual(hostPorts(), []);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(dir), false);
  for (const { ifname } of ipJson('link', 'show', 'type', 'bridge')) run('ip', 'link', 'delete', ifname);
  run('nft', 'flush', 'ruleset');
  rmSync(dir, { recursive: true });
});

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });
const ipJson = (...args: string[]) => JSON.parse(run('ip', '-d', '-j', ...args) || '[]');
const hostPorts = (): string[] =>
  ipJson('link')
    .map(({ ifname }: { ifname: string }) => ifname)
    .filter((name: string) => name.startsWith('gv'));
const netns = (id: ContainerId) => join(dir, 'netns', id);
const inside = (id: ContainerId, ...command: string[]): string => run('nsenter', `--net=${netns(id)}`, ...command);
const insideJson = (id: ContainerId, ...args: string[]) => JSON.parse(inside(id, 'ip', '-d', '-j', ...args));
const ping = (id: ContainerId, address: string) => pingFrom(netns(id), address);

const namesOf = (id: ContainerId) => ({ own: [id.slice(0, 12)], links: {} });

async function launch(id = newContainerId()): Promise<ContainerId> {
  await networks.openSandbox(id, { dnsServers: [] });
  await networks.connect(id, { network: 'bridge', names: namesOf(id) });
  return id;
}

test('the default networks exist and keep their ids and subnet when opened again', async () => {
  const before = networks.list();
  assert.deepEqual(
    before.map(({ name, driver }) => [name, driver]),
    [
      ['bridge', 'bridge'],
      ['host', 'host'],
      ['none', 'null'],
    ],
  );
  assert.deepEqual(networks.get('bridge').ipam, [{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }]);
  await reopen();
  assert.deepEqual(networks.list(), before);
  assert.equal(networks.get(networks.get('none').id.slice(0, 12)).name, 'none');
  assert.throws(() => networks.get('nowhere'), { kind: 'not-found', message: 'network nowhere not found' });
});

test('a subnet that the host uses is avoided', async () => {
  run('ip', 'link', 'delete', 'gantry0');
  run('ip', 'address', 'add', '172.17.9.1/24', 'dev', 'lo');
  run('ip', 'route', 'add', '172.18.0.0/15', 'dev', 'lo');
  using fresh = openStore(join(dir, 'other.db'));
  const options = { store: fresh, events, log: silentLogger, clock: systemClock, execRoot: dir };
  const other = await openNetworks({ ...options, bridgeName: 'other0' });
  run('ip', 'address', 'delete', '172.17.9.1/24', 'dev', 'lo');
  run('ip', 'route', 'flush', '172.18.0.0/15');
  assert.equal(other.get('bridge').ipam[0]?.subnet, '172.20.0.0/16');
  await other.close();
  run('ip', 'link', 'delete', 'other0');
});

test('the bridge is up with its address, without IPv6, and forwarding is on', () => {
  const [bridge] = ipJson('address', 'show', 'gantry0');
  assert.ok(bridge.flags.includes('UP'));
  assert.equal(bridge.address, '02:42:ac:11:00:01');
  assert.deepEqual(
    bridge.addr_info.map(({ local, prefixlen }: { local: string; prefixlen: number }) => [local, prefixlen]),
    [['172.17.0.1', 16]],
  );
  assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');
});

test('a sandbox has loopback, one interface with its address and MAC, a route, and no IPv6 address on it', async () => {
  const id = await launch();
  const [endpoint] = networks.endpointsOf(id);
  assert.equal(endpoint?.ipv4Address, '172.17.0.2');
  assert.equal(endpoint?.macAddress, '02:42:ac:11:00:02');
  const links = insideJson(id, 'address');
  assert.deepEqual(
    links.map((link: { ifname: string; flags: string[]; mtu: number }) => [link.ifname, link.flags.includes('UP')]),
    [
      ['lo', true],
      ['eth0', true],
    ],
  );
  assert.equal(links[1].address, endpoint?.macAddress);
  assert.deepEqual(
    links[1].addr_info.map(({ local, prefixlen }: { local: string; prefixlen: number }) => [local, prefixlen]),
    [['172.17.0.2', 16]],
  );
  assert.equal(insideJson(id, 'route').find(({ dst }: { dst: string }) => dst === 'default').gateway, '172.17.0.1');
  const [port] = ipJson('address', 'show', `gv${id.slice(0, 11)}`);
  assert.equal(port.master, 'gantry0');
  assert.equal(port.linkinfo.info_slave_data.hairpin, true);
  assert.deepEqual(port.addr_info, []);
  ping(id, '127.0.0.1');
  ping(id, '172.17.0.1');
});

test('containers of the bridge reach each other, and the host reaches them', async () => {
  const [first, second] = [await launch(), await launch()];
  ping(first, networks.endpointsOf(second)[0]?.ipv4Address ?? '');
  run('busybox', 'ping', '-c1', '-W2', networks.endpointsOf(first)[0]?.ipv4Address ?? '');
});

/** A stranger's machine beside the host: 198.51.100.2, which knows no way to the containers unless told. */
async function withNeighbour(body: (neighbour: ChildProcess) => Promise<void>): Promise<void> {
  const neighbour = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' });
  const exited = once(neighbour, 'exit');
  try {
    await sleep(100);
    run('ip', 'link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'in0', 'netns', String(neighbour.pid));
    run('ip', 'address', 'add', '198.51.100.1/24', 'dev', 'out0');
    run('ip', 'link', 'set', 'out0', 'up');
    at(neighbour, 'ip', 'address', 'add', '198.51.100.2/24', 'dev', 'in0');
    at(neighbour, 'ip', 'link', 'set', 'in0', 'up');
    await body(neighbour);
  } finally {
    neighbour.kill('SIGKILL');
    await exited;
  }
}
const at = ({ pid }: ChildProcess, ...command: string[]) => run('nsenter', `--net=/proc/${pid}/ns/net`, ...command);

test('what leaves the host carries its address, and nobody outside reaches a container by routing to it', async () => {
  const id = await launch();
  await withNeighbour(async (neighbour) => {
    // The neighbour has no route back: only masquerading lets the answer come.
    ping(id, '198.51.100.2');
    at(neighbour, 'ip', 'route', 'add', '172.17.0.0/16', 'via', '198.51.100.1');
    assert.throws(() => at(neighbour, 'busybox', 'ping', '-c1', '-W1', '172.17.0.2'));
  });
});

test('a bridge removed by hand comes back with its running containers on it', async () => {
  const [first, second] = [await launch(), await launch()];
  run('ip', 'link', 'delete', 'gantry0');
  run('ip', 'link', 'delete', `gv${second.slice(0, 11)}`);
  const third = await launch();
  for (const id of [first, second]) ping(third, networks.endpointsOf(id)[0]?.ipv4Address ?? '');
});

test('a restarted engine finds running sandboxes as they were', async () => {
  const id = await launch();
  const before = insideJson(id, 'address');
  await networks.close();
  await reopen();
  assert.deepEqual(insideJson(id, 'address'), before);
  assert.deepEqual(await networks.listSandboxes(), [id]);
  ping(id, '172.17.0.1');
});

test('opening, connecting and closing again change nothing', async () => {
  const id = await launch();
  const endpoints = networks.endpointsOf(id);
  await launch(id);
  assert.deepEqual(networks.endpointsOf(id), endpoints);
  await networks.closeSandbox(id);
  await networks.closeSandbox(id);
  assert.deepEqual(await networks.listSandboxes(), []);
  assert.equal(existsSync(netns(id)), false);
});

test('a container that is started again at once gets the same address, another one does not', async () => {
  const id = await launch();
  await networks.closeSandbox(id);
  const other = await launch();
  await launch(id);
  assert.equal(networks.endpointsOf(other)[0]?.ipv4Address, '172.17.0.3');
  assert.equal(networks.endpointsOf(id)[0]?.ipv4Address, '172.17.0.2');
  ping(id, '172.17.0.3');
});

test('addresses in use, foreign addresses and networks without a bridge are refused, and nothing is left', async () => {
  const id = await launch();
  const late = newContainerId();
  await networks.create({ name: 'net', driver: 'bridge', ipam: [{ subnet: '10.5.0.0/24' }] });
  await networks.openSandbox(late, { dnsServers: [] });
  const connect = (request: object) => networks.connect(late, { network: 'net', names: namesOf(late), ...request });
  await assert.rejects(connect({ ipv4Address: '10.5.0.1' }), { kind: 'conflict', message: 'Address already in use' });
  await assert.rejects(connect({ ipv4Address: '10.0.0.1' }), { kind: 'invalid-argument' });
  await assert.rejects(connect({ macAddress: 'nonsense' }), { kind: 'invalid-argument' });
  await assert.rejects(connect({ network: 'host' }), { kind: 'invalid-argument' });
  await assert.rejects(connect({ network: 'bridge', ipv4Address: '172.17.0.9' }), {
    kind: 'invalid-argument',
    message: 'user specified IP address is supported on user defined networks only',
  });
  assert.deepEqual(networks.endpointsOf(late), []);
  await assert.rejects(networks.connect(newContainerId(), { network: 'bridge', names: namesOf(late) }), {
    kind: 'not-found',
  });
  assert.deepEqual(hostPorts(), [`gv${id.slice(0, 11)}`]);
  await connect({ ipv4Address: '10.5.0.8', macAddress: '02:00:00:00:00:09' });
  assert.equal(insideJson(late, 'link', 'show', 'eth0')[0].address, '02:00:00:00:00:09');
});

test('exhausted addresses are told in the words of Docker, and come back when a container goes', async () => {
  using small = openStore(join(dir, 'small.db'));
  const defaultAddressPools = [{ base: '10.9.0.0/29', size: 29 }];
  await reopen({ store: small, bridgeName: 'gsmall', defaultAddressPools });
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await launch());
  const { id } = networks.get('bridge');
  await assert.rejects(launch(), {
    kind: 'resource-exhausted',
    message: `no available IPv4 addresses on this network's address pools: bridge (${id})`,
  });
  await networks.closeSandbox(ids[2] as ContainerId);
  const again = await launch();
  assert.equal(networks.endpointsOf(again)[0]?.ipv4Address, '10.9.0.4');
  for (const container of await networks.listSandboxes()) await networks.closeSandbox(container);
  await reopen();
});

test('twenty containers connect at once without holding the event loop, and are told as events', async () => {
  const control = new AbortController();
  const heard = events.subscribe({ signal: control.signal });
  let ids: readonly ContainerId[] = [];
  const longestMs = await longestHoldMs(async () => {
    ids = await Promise.all(Array.from({ length: 20 }, () => launch()));
  });
  assert.equal(new Set(ids.map((id) => networks.endpointsOf(id)[0]?.ipv4Address)).size, 20);
  assert.ok(longestMs < 50, `the event loop was held for ${longestMs} ms`);
  ping(ids[0] as ContainerId, networks.endpointsOf(ids[19] as ContainerId)[0]?.ipv4Address ?? '');
  await Promise.all(ids.map((id) => networks.closeSandbox(id)));
  control.abort();
  const first = await heard.next();
  assert.equal(first.value, undefined);
  const { value } = await events.subscribe({ sinceMs: 0, signal: new AbortController().signal }).next();
  assert.deepEqual([value.type, value.action, value.id], ['network', 'connect', networks.get('bridge').id]);
  assert.deepEqual(Object.keys(value.attributes), ['container', 'name', 'type']);
});

test('half-made sandboxes are named and can be closed', async () => {
  const [empty, rowOnly] = [newContainerId(), await launch()];
  writeFileSync(netns(empty), '');
  run('umount', netns(rowOnly));
  rmSync(netns(rowOnly));
  assert.deepEqual(new Set(await networks.listSandboxes()), new Set([empty, rowOnly]));
  await networks.closeSandbox(rowOnly);
  await networks.closeSandbox(empty);
  assert.deepEqual(await networks.listSandboxes(), []);
  writeFileSync(netns(empty), '');
  await launch(empty);
  ping(empty, '172.17.0.1');
});

test('an engine killed at any moment leaves nothing that listSandboxes does not name', async () => {
  const loop = join(import.meta.dirname, 'connect-loop.fixture.ts');
  for (const delayMs of [0, 3, 7, 12, 20, 33]) {
    await networks.close();
    const victim = spawn(process.execPath, [loop, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(victim.stdout, 'data');
    await sleep(delayMs);
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    await reopen();
    const named = new Set((await networks.listSandboxes()).map((id) => `gv${id.slice(0, 11)}`));
    const settled = await poll(() => (hostPorts().every((name) => named.has(name)) ? true : undefined), {
      intervalMs: 20,
      timeoutMs: 8000,
    });
    assert.ok(settled, `unnamed ports after ${delayMs} ms: ${hostPorts()}`);
    for (const id of await networks.listSandboxes()) await networks.closeSandbox(id);
    assert.deepEqual(readdirSync(join(dir, 'netns')), []);
    assert.equal(store.all('SELECT id FROM endpoints').length, 0);
  }
});
