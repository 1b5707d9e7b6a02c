import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { poll } from '#/base/delay.ts';
import { newContainerId } from '#/base/ids.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { longestHoldMs } from './testing/longest-hold.ts';
import { ipJson, run, TestNetworks } from './testing/test-networks.ts';

inThrowawayHost();

let host: TestNetworks;
beforeEach(async () => {
  host = await TestNetworks.open();
});
afterEach(() => host.close());

const SIX = { enableIpv6: true, ipam: [{ subnet: '10.6.0.0/24' }, { subnet: 'fd00:6::/64' }] };

test('a container has addresses and default routes of both versions, usable at once', async () => {
  await host.create('six', SIX);
  const first = await host.launch('six');
  const second = await host.launch({ network: 'six', ipv6Address: 'fd00:6::abcd', ipv4Address: '10.6.0.77' });
  const endpoint = host.endpoint(first, 'six');
  assert.deepEqual(
    [endpoint.ipv6Address, endpoint.ipv6PrefixLength, endpoint.ipv6Gateway],
    ['fd00:6::2', 64, 'fd00:6::1'],
  );
  assert.equal(host.defaultRoute(first, '-6'), 'eth0 fd00:6::1');
  assert.equal(host.defaultRoute(first), 'eth0 10.6.0.1');
  for (const address of ['fd00:6::1', 'fd00:6::abcd', '10.6.0.77']) host.ping(first, address);
  host.ping(second, 'fd00:6::2');
  const [eth0] = host.insideJson(second, 'address', 'show', 'eth0');
  assert.ok(eth0.addr_info.every(({ tentative }: { tentative?: boolean }) => tentative !== true));
});

test('asking for certain addresses: in use, outside, or on subnets that nobody chose, is refused', async () => {
  await host.create('six', SIX);
  await host.create('chosen');
  await host.launch({ network: 'six', ipv4Address: '10.6.0.9', ipv6Address: 'fd00:6::9' });
  const id = await host.launch();
  const refuse = (request: object, message: string) => assert.rejects(host.connect(id, request), { message });
  await refuse({ network: 'six', ipv4Address: '10.6.0.9' }, 'Address already in use');
  await refuse({ network: 'six', ipv6Address: 'fd00:6::9' }, 'Address already in use');
  await refuse({ network: 'six', ipv4Address: '10.6.0.1' }, 'Address already in use');
  await refuse(
    { network: 'six', ipv6Address: 'fd00:7::9' },
    'no configured subnet or ip-range contain the IP address fd00:7::9',
  );
  await refuse(
    { network: 'chosen', ipv4Address: '172.18.0.9' },
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  );
  await refuse(
    { network: 'bridge', ipv4Address: '172.17.0.9' },
    'user specified IP address is supported on user defined networks only',
  );
  assert.deepEqual(host.networks.endpointsOf(id), []);
  assert.equal(host.insideJson(id, 'link').length, 1);
});

test('the default route follows the networks while they come and go: priority first, then names, never an internal one', async () => {
  for (const [name, spec] of [
    ['alpha', { ipam: [{ subnet: '10.11.0.0/24' }] }],
    ['beta', { ipam: [{ subnet: '10.12.0.0/24' }] }],
    ['aaa', { ipam: [{ subnet: '10.13.0.0/24' }], internal: true }],
  ] as const) {
    await host.create(name, spec);
  }
  const id = await host.launch('aaa');
  assert.equal(host.defaultRoute(id), undefined);
  await host.connect(id, 'beta');
  assert.equal(host.defaultRoute(id), 'eth1 10.12.0.1');
  await host.connect(id, 'alpha');
  assert.equal(host.defaultRoute(id), 'eth2 10.11.0.1');
  assert.equal(host.networks.endpointsOf(id)[0]?.networkName, 'alpha');
  await host.connect(id, { network: 'bridge', gatewayPriority: 5 });
  assert.equal(host.defaultRoute(id), 'eth3 172.17.0.1');
  await host.networks.disconnect(id, 'bridge');
  assert.equal(host.defaultRoute(id), 'eth2 10.11.0.1');
  await host.networks.disconnect(id, 'alpha');
  assert.equal(host.defaultRoute(id), 'eth1 10.12.0.1');
  await host.networks.disconnect(id, 'beta');
  assert.equal(host.defaultRoute(id), undefined);
  await host.connect(id, 'beta');
  assert.equal(host.endpoint(id, 'beta').interfaceName, 'eth1');
  host.ping(id, '10.12.0.1');
});

test('each version has its own way out', async () => {
  await host.create('six', { enableIpv4: false, enableIpv6: true, ipam: [{ subnet: 'fd00:6::/64' }] });
  const id = await host.launch('bridge', 'six');
  assert.deepEqual([host.endpoint(id, 'six').ipv4Address, host.endpoint(id, 'bridge').ipv6Address], ['', '']);
  assert.equal(host.defaultRoute(id), 'eth0 172.17.0.1');
  assert.equal(host.defaultRoute(id, '-6'), 'eth1 fd00:6::1');
  await host.networks.disconnect(id, 'six');
  assert.equal(host.defaultRoute(id, '-6'), undefined);
  assert.equal(host.defaultRoute(id), 'eth0 172.17.0.1');
});

test('disconnecting takes interface and address away at once, holds nobody up, and says where there is nothing', async () => {
  await host.create('net', { ipam: [{ subnet: '10.14.0.0/24' }] });
  const [id, other] = [await host.launch('bridge', 'net'), await host.launch('net')];
  const longestMs = await longestHoldMs(() => host.networks.disconnect(id, 'net'));
  // The kernel takes 36 ms to remove a pair; 30 of the 36 would show.
  assert.ok(longestMs < 30, `the event loop was held for ${longestMs} ms`);
  assert.equal(host.insideJson(id, 'link').length, 2);
  assert.equal(host.hostPorts().length, 2);
  assert.ok(!host.isAnswered(other, '10.14.0.2'));
  const name = `container ${id} is not connected to network net`;
  await assert.rejects(host.networks.disconnect(id, 'net'), { kind: 'not-found', message: name });
  await assert.rejects(host.networks.disconnect(id, 'nowhere'), { kind: 'not-found' });
  host.ping(id, '172.17.0.1');
});

test('an internal network has no way out, not even to the host behind the bridge’s other networks', async () => {
  await host.create('inner', { internal: true, ipam: [{ subnet: '10.15.0.0/24' }] });
  const [first, second, outer] = [await host.launch('inner'), await host.launch('inner'), await host.launch('bridge')];
  assert.equal(host.endpoint(first, 'inner').gateway, '');
  host.ping(first, host.endpoint(second, 'inner').ipv4Address);
  assert.ok(!host.isAnswered(first, host.endpoint(outer, 'bridge').ipv4Address));
  host.inside(first, 'ip', 'route', 'add', 'default', 'via', '10.15.0.1');
  assert.ok(!host.isAnswered(first, host.endpoint(outer, 'bridge').ipv4Address));
});

test('interfaces are named as the network or the endpoint says, and settings of the kernel are theirs', async () => {
  await host.create('net', { options: { 'com.docker.network.container_iface_prefix': 'lan' } });
  const id = await host.launch('net', {
    network: 'bridge',
    driverOptions: {
      'com.docker.network.endpoint.ifname': 'wan.1',
      'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.forwarding=0',
    },
  });
  const names = host.insideJson(id, 'link').map(({ ifname }: { ifname: string }) => ifname);
  assert.deepEqual(names, ['lo', 'lan0', 'wan.1']);
  assert.equal(host.inside(id, 'cat', '/proc/sys/net/ipv4/conf/wan.1/log_martians').trim(), '1');
  const refuse = (value: string) =>
    host.connect(id, { network: 'other', driverOptions: { 'com.docker.network.endpoint.sysctls': value } });
  await host.create('other');
  await assert.rejects(refuse('net.ipv4.ip_forward=1'), { kind: 'invalid-argument' });
  await assert.rejects(refuse('net.ipv4.conf.IFNAME.nonsense=1'), { kind: 'invalid-argument' });
  await assert.rejects(
    host.connect(id, { network: 'other', driverOptions: { 'com.docker.network.endpoint.ifname': 'lan0' } }),
    {
      kind: 'conflict',
    },
  );
  assert.equal(host.networks.endpointsOf(id).length, 2);
});

test('a container that cannot be connected leaves nothing on the host', async () => {
  await host.create('net');
  await assert.rejects(host.connect(newContainerId(), 'net'), { kind: 'not-found' });
  assert.deepEqual(host.hostPorts(), []);
  assert.deepEqual(host.store.all('SELECT id FROM endpoints'), []);
});

test('networks whose bridges were removed by hand come back with all that runs on them', async () => {
  const { network } = await host.create('six', SIX);
  const [first, second] = [
    await host.launch('six'),
    await host.launch('bridge', { network: 'six', gatewayPriority: 1 }),
  ];
  run('ip', 'link', 'delete', network.bridgeName ?? '');
  run('ip', 'link', 'delete', `gv${second.slice(0, 11)}.1`);
  run('sysctl', '-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0');
  await host.networks.repair();
  host.ping(first, host.endpoint(second, 'six').ipv4Address);
  host.ping(first, host.endpoint(second, 'six').ipv6Address);
  assert.equal(host.defaultRoute(second), 'eth1 10.6.0.1');
  assert.equal(run('sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'), '1\n1\n');
  assert.equal(ipJson('link', 'show', network.bridgeName ?? '')[0].ifalias, `gantry network ${network.id}`);
});

test('a bridge that is removed by hand is back in a moment, without anybody asking', async () => {
  const { network } = await host.create('net');
  const [first, second] = [await host.launch('net'), await host.launch('net')];
  run('ip', 'link', 'delete', network.bridgeName ?? '');
  const isBack = () =>
    ipJson('link').filter(({ master }: { master?: string }) => master === network.bridgeName).length === 2 || undefined;
  assert.ok(await poll(isBack, { intervalMs: 20, timeoutMs: 30_000 }));
  host.ping(first, host.endpoint(second, 'net').ipv4Address);
});

test('forwarding that a stranger turned off is on again with the next container', async () => {
  await host.create('six', SIX);
  run('sysctl', '-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0');
  await host.launch('six');
  assert.equal(run('sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'), '1\n1\n');
});

test('many containers come and go on many networks at once', async () => {
  const names = ['n1', 'n2', 'n3'];
  await Promise.all(names.map((name) => host.create(name)));
  const subnets = new Set(host.networks.list().flatMap(({ ipam }) => ipam.map(({ subnet }) => subnet)));
  assert.equal(subnets.size, 4);
  const ids = await Promise.all(Array.from({ length: 8 }, () => host.launch(...names)));
  for (const name of names) assert.equal(host.networks.endpointsOn(name).length, 8);
  await Promise.all(ids.map((id) => host.networks.disconnect(id, 'n2')));
  await Promise.all([...ids.map((id) => host.networks.closeSandbox(id)), host.networks.remove('n2')]);
  assert.deepEqual(host.networks.endpointsOn('n1'), []);
});
