import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertKind } from '#/linux/child-link.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { ipJson, run, TestNetworks } from './testing/test-networks.ts';

inThrowawayHost();

// The host's wire, with a machine at its other end that is router and DHCP server.
run('ip', 'netns', 'add', 'far');
run('ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'far0', 'netns', 'far');
run('ip', 'link', 'set', 'wire0', 'up');
const far = (...command: string[]) => run('ip', 'netns', 'exec', 'far', ...command);
far('ip', 'address', 'add', '10.66.0.1/24', 'dev', 'far0');
far('ip', 'link', 'set', 'far0', 'up');

const host = await TestNetworks.open();
let server: ChildProcess | undefined;
after(async () => {
  server?.kill('SIGKILL');
  await host.close();
  run('ip', 'netns', 'delete', 'far');
});

const without = (() => {
  try {
    assertKind('macvlan');
    return {};
  } catch (error) {
    return { skip: String(error) };
  }
})();

async function serveDhcp(address: string, leaseSec: number): Promise<void> {
  if (server !== undefined) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  const config = join(host.dir, 'udhcpd.conf');
  const leases = join(host.dir, 'leases');
  writeFileSync(leases, '');
  const lines = ['interface far0', `start ${address}`, `end ${address}`, 'max_leases 1', 'min_lease 1'];
  const options = ['option subnet 255.255.255.0', 'option router 10.66.0.1', `option lease ${leaseSec}`];
  writeFileSync(config, [...lines, `lease_file ${leases}`, `pidfile ${leases}.pid`, ...options, ''].join('\n'));
  server = spawn('ip', ['netns', 'exec', 'far', 'busybox', 'udhcpd', '-f', config], { stdio: 'ignore' });
  await sleep(200);
}
const addressesOf = (id: Parameters<typeof host.insideJson>[0]): string[] =>
  host
    .insideJson(id, '-4', 'address', 'show', 'eth0')
    .flatMap(({ addr_info }: { addr_info: { local: string; prefixlen: number }[] }) =>
      addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    );

test('a container of a macvlan network stands on the wire, by its addresses from ipam', without, async () => {
  const ipam = [{ subnet: '10.66.0.0/24', gateway: '10.66.0.1', ipRange: '10.66.0.32/28' }];
  await host.create('wire', { driver: 'macvlan', ipam, options: { parent: 'wire0' } });
  const id = await host.launch('wire');
  const { ipv4Address, macAddress } = host.endpoint(id, 'wire');
  assert.deepEqual(addressesOf(id), [`${ipv4Address}/24`]);
  assert.equal(host.insideJson(id, 'link', 'show', 'eth0')[0].linkinfo.info_kind, 'macvlan');
  assert.equal(host.defaultRoute(id), 'eth0 10.66.0.1');
  host.inside(id, 'busybox', 'ping', '-c1', '-W2', '10.66.0.1');
  assert.equal(JSON.parse(far('ip', '-j', 'neigh', 'show', ipv4Address))[0].lladdr, macAddress);
  await host.networks.closeSandbox(id);
  await host.networks.remove('wire');
  assert.deepEqual(ipJson('link', 'show', 'type', 'macvlan'), []);
});

test('a server of the wire lends the address, renews it after a restart, and gets it back', without, async () => {
  await serveDhcp('10.66.0.100', 3600);
  await host.create('lent', { driver: 'macvlan', ipamDriver: 'dhcp', options: { parent: 'wire0' } });
  const id = await host.launch('lent');
  assert.equal(host.endpoint(id, 'lent').ipv4Address, '10.66.0.100');
  assert.equal(host.endpoint(id, 'lent').gateway, '10.66.0.1');
  assert.deepEqual(addressesOf(id), ['10.66.0.100/24']);
  assert.equal(host.defaultRoute(id), 'eth0 10.66.0.1');
  host.inside(id, 'busybox', 'ping', '-c1', '-W2', '10.66.0.1');
  await host.reopen();
  assert.deepEqual(addressesOf(id), ['10.66.0.100/24']);
  await host.networks.closeSandbox(id);
  const next = await host.launch('lent');
  assert.equal(host.endpoint(next, 'lent').ipv4Address, '10.66.0.100');
  // By the time of the next engine the server lends other addresses.
  await serveDhcp('10.66.0.150', 3600);
  await host.reopen();
  for (let i = 0; i < 100 && addressesOf(next)[0] !== '10.66.0.150/24'; i++) await sleep(100);
  for (let i = 0; i < 10 && host.defaultRoute(next) === undefined; i++) await sleep(100);
  assert.deepEqual(addressesOf(next), ['10.66.0.150/24']);
  assert.equal(host.endpoint(next, 'lent').ipv4Address, '10.66.0.150');
  assert.equal(host.defaultRoute(next), 'eth0 10.66.0.1');
  await host.networks.disconnect(next, 'lent');
  await host.connect(next, 'lent');
  assert.deepEqual(addressesOf(next), ['10.66.0.150/24']);
  await host.networks.closeSandbox(next);
});

test('only macvlan has addresses by DHCP', async () => {
  await assert.rejects(host.create('bridged', { ipamDriver: 'dhcp' }), { kind: 'invalid-argument' });
});

test('where no server lends an address, connecting fails and nothing is left', without, async () => {
  server?.kill('SIGKILL');
  const id = await host.launch();
  await assert.rejects(host.connect(id, 'lent'), { message: 'no DHCP server answered on network lent' });
  assert.deepEqual(host.networks.endpointsOf(id), []);
  assert.equal(host.insideJson(id, 'link').length, 1);
  await host.networks.closeSandbox(id);
});

test('an endpoint of a bridge keeps to its rates, and nothing of them outlives it', async () => {
  const id = await host.launch({
    network: 'bridge',
    driverOptions: { 'gantry.rate': '10mbit', 'gantry.rate-in': '5mbit' },
  });
  const [port, queue] = [`gv${id.slice(0, 11)}`, `gi${id.slice(0, 11)}`];
  const rateOf = (name: string) => JSON.parse(run('tc', '-j', 'qdisc', 'show', 'dev', name))[0].options.rate;
  assert.equal(rateOf(port), 625_000);
  assert.equal(rateOf(queue), 1_250_000);
  await host.networks.closeSandbox(id);
  assert.deepEqual(ipJson('link', 'show', 'type', 'ifb'), []);
  const late = await host.launch();
  const bad = { network: 'bridge', driverOptions: { 'gantry.rate': 'fast' } };
  await assert.rejects(host.connect(late, bad), { kind: 'invalid-argument' });
  assert.deepEqual(host.networks.endpointsOf(late), []);
  await host.networks.closeSandbox(late);
});
