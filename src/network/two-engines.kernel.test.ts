import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#/base/clock.ts';
import { poll } from '#/base/delay.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { EventBus } from '#/events/events.ts';
import { openStore } from '#/store/store.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import type { Networks } from './network.ts';
import { type NetworksOptions, openNetworks } from './open.ts';
import { ipJson, run } from './testing/test-networks.ts';

inThrowawayHost();

let dir = '';
let opened: Networks[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engines-'));
});
afterEach(async () => {
  for (const networks of opened) {
    for (const id of await networks.listSandboxes()) await networks.closeSandbox(id);
    await close(networks);
  }
  for (const { ifname } of ipJson('link', 'show', 'type', 'bridge')) run('ip', 'link', 'delete', ifname);
  run('nft', 'flush', 'ruleset');
  rmSync(dir, { recursive: true });
});

/** Networks of an engine with roots of its own. */
async function open(engine: string, options: Partial<NetworksOptions> = {}): Promise<Networks> {
  const networks = await openNetworks({
    store: openStore(join(dir, `${engine}.db`)),
    events: new EventBus(systemClock),
    log: silentLogger,
    clock: systemClock,
    execRoot: join(dir, engine),
    nameServerAddress: '',
    ...options,
  });
  opened.push(networks);
  return networks;
}

async function close(networks: Networks): Promise<void> {
  opened = opened.filter((other) => other !== networks);
  await networks.close();
}

async function launch(networks: Networks): Promise<ContainerId> {
  const id = newContainerId();
  await networks.openSandbox(id, { dnsServers: [] });
  await networks.connect(id, { network: 'bridge', names: { own: [id.slice(0, 12)], links: {} } });
  return id;
}

const inside = (engine: string, id: ContainerId, ...command: readonly string[]): string =>
  run('nsenter', `--net=${join(dir, engine, 'netns', id)}`, ...command);
const tableNames = (): readonly string[] =>
  JSON.parse(run('nft', '-j', 'list', 'tables')).nftables.flatMap(({ table }: { table?: { name: string } }) =>
    table === undefined ? [] : [table.name],
  );
/** With the numbers that the kernel gave to rules, so that the same rules made again are others. */
const ruleset = (): string => run('nft', '-a', 'list', 'ruleset');

test('two engines on one host have tables of their own and leave each other in peace', async () => {
  const first = await open('first');
  const second = await open('second', { bridgeName: 'other0' });
  const web = await launch(first);
  const db = await launch(second);
  assert.deepEqual([...new Set(tableNames())].toSorted(), ['gantry', 'gantry-other0']);
  assert.notEqual(first.get('bridge').ipam[0]?.subnet, second.get('bridge').ipam[0]?.subnet);
  await sleep(100);
  const before = ruleset();
  await sleep(1300);
  assert.equal(ruleset(), before);
  inside('first', web, 'busybox', 'ping', '-c1', '-W1', first.get('bridge').ipam[0]?.gateway ?? '');
  const address = second.endpointsOf(db)[0]?.ipv4Address ?? '';
  assert.throws(() => inside('first', web, 'busybox', 'ping', '-c1', '-W1', address));
});

test('an engine is refused the default bridge of another, also of one that sleeps while its containers run', async () => {
  const first = await open('first');
  const lives = `the bridge gantry0 is used by another engine of this host (one that runs with the exec root ${join(dir, 'first')}): name another interface for the default network (--bridge NAME)`;
  await assert.rejects(open('second'), { kind: 'conflict', message: lives });
  const web = await launch(first);
  const before = ruleset();
  await close(first);
  await assert.rejects(open('second'), { kind: 'conflict', message: /\(1 of its containers are on it\)/ });
  assert.equal(ruleset(), before);
  const again = await open('first');
  await again.closeSandbox(web);
  await close(again);
  const isAlone = () => (ipJson('link', 'show', 'master', 'gantry0').length === 0 ? true : undefined);
  await poll(isAlone, { intervalMs: 20, timeoutMs: 5000 });
  const second = await open('second');
  const [{ ifalias }] = ipJson('link', 'show', 'gantry0');
  assert.equal(ifalias, `gantry network ${second.get('bridge').id}`);
});

test('a network is refused a bridge that another engine made', async () => {
  const options = { 'com.docker.network.bridge.name': 'shared0' };
  const first = await open('first');
  const second = await open('second', { bridgeName: 'other0' });
  await first.create({ name: 'mine', driver: 'bridge', ipam: [], options });
  await assert.rejects(second.create({ name: 'yours', driver: 'bridge', ipam: [], options }), {
    kind: 'conflict',
    message: /^cannot use shared0 as a bridge: it belongs to a network of another engine/,
  });
  assert.equal(second.list().length, 3);
  assert.equal(ipJson('link', 'show', 'shared0').length, 1);
});

test('an engine whose default bridge gets another name takes its containers along and leaves nothing', async () => {
  const before = await open('first');
  const web = await launch(before);
  await close(before);
  const after = await open('first', { bridgeName: 'other0' });
  assert.deepEqual([...new Set(tableNames())], ['gantry-other0']);
  assert.deepEqual(
    ipJson('link', 'show', 'type', 'bridge').map(({ ifname }: { ifname: string }) => ifname),
    ['other0'],
  );
  inside('first', web, 'busybox', 'ping', '-c1', '-W1', after.get('bridge').ipam[0]?.gateway ?? '');
});

test('a bridge of somebody else is used with the address that it has, and stays', async () => {
  run('ip', 'link', 'add', 'br7', 'type', 'bridge');
  run('ip', 'address', 'add', '10.77.0.9/24', 'dev', 'br7');
  const networks = await open('first', { bridgeName: 'br7' });
  assert.deepEqual(networks.get('bridge').ipam, [{ subnet: '10.77.0.0/24', gateway: '10.77.0.9' }]);
  const web = await launch(networks);
  inside('first', web, 'busybox', 'ping', '-c1', '-W1', '10.77.0.9');
  await networks.closeSandbox(web);
  await close(networks);
  await open('first');
  assert.equal(ipJson('link', 'show', 'br7').length, 1);
});

test('a program without rights that takes the name first keeps no engine from starting', async () => {
  process.seteuid?.(65_534);
  const squatter = createServer((socket) => socket.on('error', () => {}).end('/nowhere')).listen(
    '\0gantry bridge gantry0',
  );
  process.seteuid?.(0);
  await open('first');
  squatter.close();
});
