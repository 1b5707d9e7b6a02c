import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { poll } from '#/base/delay.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { ipJson, run, TestNetworks } from './testing/test-networks.ts';

inThrowawayHost();

let host: TestNetworks;
beforeEach(async () => {
  host = await TestNetworks.open();
});
afterEach(() => host.close());

interface AddressInfo {
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
}
const addressesOf = (link: string): readonly string[] =>
  ipJson('address', 'show', link)[0]
    .addr_info.filter(({ scope }: AddressInfo) => scope === 'global')
    .map(({ local, prefixlen }: AddressInfo) => `${local}/${prefixlen}`);
const refusedText = (kind: string, message: string | RegExp) => ({ kind, message });

test('a network gets the next free subnet and a bridge named after its id, both gone with it and used again', async () => {
  const { network } = await host.create('one');
  assert.deepEqual(network.ipam, [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }]);
  assert.equal(network.bridgeName, `br-${network.id.slice(0, 12)}`);
  const [link] = ipJson('link', 'show', network.bridgeName ?? '');
  assert.ok(link.flags.includes('UP'));
  assert.equal(link.linkinfo.info_kind, 'bridge');
  assert.deepEqual(addressesOf(network.bridgeName ?? ''), ['172.18.0.1/16']);
  await host.networks.remove('one');
  assert.throws(() => run('ip', 'link', 'show', network.bridgeName ?? ''));
  assert.throws(() => host.networks.get('one'), refusedText('not-found', 'network one not found'));
  assert.equal((await host.create('two')).network.ipam[0]?.subnet, '172.18.0.0/16');
});

test('an IPv6 network has a subnet of the engine’s own range, an address on its bridge, and the host forwards', async () => {
  const { network } = await host.create('six', { enableIpv6: true });
  const [, pool] = network.ipam;
  assert.match(pool?.subnet ?? '', /^fd[0-9a-f]{2}:.*\/64$/);
  assert.deepEqual(addressesOf(network.bridgeName ?? ''), ['172.18.0.1/16', `${pool?.gateway}/64`]);
  assert.equal(readFileSync('/proc/sys/net/ipv6/conf/all/forwarding', 'utf8').trim(), '1');
  const next = (await host.create('seven', { enableIpv6: true })).network.ipam[1]?.subnet ?? '';
  assert.notEqual(next, pool?.subnet);
  assert.equal(next.slice(0, 14), pool?.subnet.slice(0, 14));
});

test('what is asked for is what there is: subnets of both versions, gateway, range, bridge name, MTU', async () => {
  const { network } = await host.create('asked', {
    enableIpv6: true,
    internal: true,
    attachable: true,
    labels: { a: 'b' },
    ipam: [
      { subnet: '10.20.0.0/16', gateway: '10.20.0.254', ipRange: '10.20.5.0/24', auxAddresses: { box: '10.20.5.1' } },
      { subnet: 'FD00:0020::/64' },
    ],
    options: { 'com.docker.network.bridge.name': 'asked0', 'com.docker.network.driver.mtu': '1400' },
  });
  assert.deepEqual(host.networks.get('asked'), network);
  assert.deepEqual(network.ipam, [
    { subnet: '10.20.0.0/16', gateway: '10.20.0.254', ipRange: '10.20.5.0/24', auxAddresses: { box: '10.20.5.1' } },
    { subnet: 'fd00:20::/64', gateway: 'fd00:20::1' },
  ]);
  assert.equal(network.bridgeName, 'asked0');
  assert.equal(ipJson('link', 'show', 'asked0')[0].mtu, 1400);
  assert.deepEqual(addressesOf('asked0'), ['10.20.0.254/16', 'fd00:20::1/64']);
  const id = await host.launch('asked');
  assert.equal(host.endpoint(id, 'asked').ipv4Address, '10.20.5.0');
  assert.equal(host.insideJson(id, 'link', 'show', 'eth0')[0].mtu, 1400);
});

test('names in use, predefined ones and drivers that nobody knows are refused in the words of Docker', async () => {
  await host.create('taken');
  const refusals = [
    ['taken', {}, 'conflict', 'network with name taken already exists'],
    ['bridge', {}, 'permission-denied', 'operation is not permitted on predefined bridge network'],
    ['none', {}, 'permission-denied', 'operation is not permitted on predefined none network'],
    [' ', {}, 'invalid-argument', 'invalid name: name is empty'],
    ['new', { driver: 'host' }, 'permission-denied', 'only one instance of "host" network is allowed'],
    ['new', { driver: 'x' }, 'not-found', 'could not find plugin x in v1 plugin registry: plugin not found'],
    ['new', { enableIpv4: false }, 'invalid-argument', 'IPv4 or IPv6 must be enabled'],
  ] as const;
  for (const [name, spec, kind, message] of refusals) {
    await assert.rejects(host.create(name, spec), refusedText(kind, message));
  }
  await assert.rejects(host.networks.remove('bridge'), {
    kind: 'permission-denied',
    message: 'bridge is a pre-defined network and cannot be removed',
  });
  assert.equal(host.networks.list().length, 4);
});

test('subnets that overlap and addresses outside of their subnet are refused, and nothing is made', async () => {
  await host.create('taken', { ipam: [{ subnet: '10.30.0.0/16' }] });
  const links = ipJson('link').length;
  const refusals = [
    [{ subnet: '10.30.9.0/24' }, 'invalid pool request: Pool overlaps with other one on this address space'],
    [{ subnet: '10.0.0.0/8' }, 'invalid pool request: Pool overlaps with other one on this address space'],
    [{ subnet: '10.40.0.1/16' }, /invalid subnet 10\.40\.0\.1\/16: it should be 10\.40\.0\.0\/16/],
    [{ subnet: 'nonsense' }, /invalid subnet nonsense: invalid CIDR block notation/],
    [{ subnet: '10.40.0.0/16', gateway: '10.41.0.1' }, /parent subnet 10\.40\.0\.0\/16 doesn't contain this address/],
    [{ subnet: '10.40.0.0/16', ipRange: '10.41.0.0/24' }, /doesn't contain ip-range/],
    [{ subnet: '10.40.0.0/16', ipRange: '10.0.0.0/8' }, /CIDR block is bigger than its parent subnet/],
    [{ subnet: '10.40.0.0/16', auxAddresses: { a: '10.41.0.1' } }, /invalid auxiliary address 10\.41\.0\.1/],
  ] as const;
  for (const [pool, message] of refusals) await assert.rejects(host.create('new', { ipam: [pool] }), { message });
  await assert.rejects(host.create('new', { ipam: [{ subnet: '10.50.0.0/16' }, { subnet: '10.51.0.0/16' }] }), {
    message: "bridge driver doesn't support multiple subnets",
  });
  assert.equal(ipJson('link').length, links);
  assert.equal(host.networks.list().length, 4);
});

test('a bridge that is another network’s, or another kind of interface, is refused; one of the host’s own stays', async () => {
  run('ip', 'link', 'add', 'own0', 'type', 'bridge');
  run('ip', 'link', 'add', 'plain0', 'type', 'veth', 'peer', 'name', 'plain1');
  const named = (name: string) => ({ options: { 'com.docker.network.bridge.name': name } });
  await host.create('one', named('own0'));
  await assert.rejects(host.create('two', named('own0')), { message: /networks have same bridge name$/ });
  await assert.rejects(host.create('two', named('plain0')), { kind: 'conflict' });
  await assert.rejects(host.create('two', named('a name')), { kind: 'invalid-argument' });
  await assert.rejects(host.create('two', { options: { 'com.docker.network.driver.mtu': 'x' } }), {
    kind: 'invalid-argument',
  });
  await host.networks.remove('one');
  assert.equal(ipJson('link', 'show', 'own0').length, 1);
  run('ip', 'link', 'delete', 'own0');
  run('ip', 'link', 'delete', 'plain0');
});

test('a bridge has no IPv4 address where its gateway is somebody else', async () => {
  const options = { 'com.docker.network.bridge.inhibit_ipv4': 'true' };
  const { network } = await host.create('foreign', { enableIpv6: true, ipam: [{ subnet: '10.80.0.0/24' }], options });
  assert.deepEqual(addressesOf(network.bridgeName ?? ''), [`${network.ipam[1]?.gateway}/64`]);
});

test('a network with containers on it stays', async () => {
  const { network } = await host.create('busy');
  const id = await host.launch('busy');
  await assert.rejects(host.networks.remove('busy'), {
    kind: 'permission-denied',
    message: `error while removing network: network busy has active endpoints (name:"${id.slice(0, 12)}" id:"${host.endpoint(id, 'busy').endpointId.slice(0, 12)}")`,
  });
  host.ping(id, network.ipam[0]?.gateway ?? '');
  await host.networks.closeSandbox(id);
  await host.networks.remove(network.id.slice(0, 5));
});

test('configured pools are used up in order, told when exhausted, and used again', async () => {
  await host.reopen({
    defaultAddressPools: [
      { base: '10.60.0.0/23', size: 24 },
      { base: 'fd60::/63', size: 64 },
    ],
  });
  const subnetsOf = async (name: string) =>
    (await host.create(name, { enableIpv6: true })).network.ipam.map(({ subnet }) => subnet);
  run('ip', 'route', 'add', '10.60.0.128/25', 'dev', 'lo');
  assert.deepEqual(await subnetsOf('one'), ['10.60.1.0/24', 'fd60::/64']);
  const exhausted = { kind: 'resource-exhausted', message: 'all predefined address pools have been fully subnetted' };
  await assert.rejects(host.create('two'), exhausted);
  run('ip', 'route', 'delete', '10.60.0.128/25', 'dev', 'lo');
  assert.deepEqual(await subnetsOf('two'), ['10.60.0.0/24', 'fd60:0:0:1::/64']);
  await host.networks.remove('one');
  assert.deepEqual(await subnetsOf('three'), ['10.60.1.0/24', 'fd60::/64']);
});

test('an ambiguous prefix of ids is told so', async () => {
  const ids = new Set<string>();
  for (let i = 0; i < 17; i++) {
    const { network } = await host.create(`net${i}`, { ipam: [{ subnet: `10.70.${i}.0/24` }] });
    const digit = network.id.slice(0, 1);
    if (ids.has(digit)) {
      assert.throws(() => host.networks.get(digit), {
        message: /is ambiguous \(\d+ matches found based on ID prefix\)$/,
      });
      return;
    }
    ids.add(digit);
  }
  assert.fail('seventeen ids with sixteen first digits');
});

test('networks and who is on them are told as events', async () => {
  const { network } = await host.create('told');
  const id = await host.launch('told');
  await host.networks.disconnect(id, 'told');
  await host.networks.remove('told');
  const control = new AbortController();
  const heard = host.events.subscribe({ sinceMs: 0, signal: control.signal });
  const attributes = { name: 'told', type: 'bridge' };
  for (const [action, expected] of [
    ['create', attributes],
    ['connect', { container: id, ...attributes }],
    ['disconnect', { container: id, ...attributes }],
    ['destroy', attributes],
  ] as const) {
    const { value } = await heard.next();
    assert.deepEqual([value.type, value.action, value.id, value.attributes], ['network', action, network.id, expected]);
  }
  control.abort();
});

test('the thread that serves names is there before the first container of a network comes', async () => {
  const threads = () =>
    readdirSync('/proc/self/task').filter(
      (id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === 'WorkerThread',
    ).length;
  const before = threads();
  await host.create('mine');
  const more = () => (threads() === before + 1 ? true : undefined);
  assert.ok(await poll(more, { intervalMs: 10, timeoutMs: 2000 }));
  await host.reopen();
  assert.ok(
    await poll(more, { intervalMs: 10, timeoutMs: 2000 }),
    'also where the network was made by an earlier engine',
  );
});
