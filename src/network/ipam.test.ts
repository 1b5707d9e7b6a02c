import assert from 'node:assert/strict';
import test from 'node:test';
import { parseIpBlock, printIpBlock } from '#/base/ip.ts';
import {
  type AddressRequest,
  allocateAddress,
  checkAddressPool,
  chooseSubnet,
  DEFAULT_ADDRESS_POOLS,
  macOfAddress,
  parseMacAddress,
  uniqueLocalPool,
  withDefaultPools,
} from './ipam.ts';

const request: AddressRequest = {
  networkName: 'bridge (abc)',
  version: 4,
  pools: [{ subnet: '10.0.0.0/29', gateway: '10.0.0.1' }],
  used: new Set(),
  resting: new Set(),
  wanted: undefined,
};
const pools = [...DEFAULT_ADDRESS_POOLS, { base: 'fd12::/48', size: 64 }];
const choose = (...taken: string[]): string => printIpBlock(chooseSubnet(pools, 4, taken.map(parseIpBlock)));
const allocate = (changes: Partial<AddressRequest>): string => allocateAddress({ ...request, ...changes }).address;

test('the default subnet is 172.17.0.0/16, or the next that the host does not use', () => {
  assert.equal(choose(), '172.17.0.0/16');
  assert.equal(choose('172.17.4.0/24'), '172.18.0.0/16');
  assert.equal(choose('172.16.0.0/12'), '192.168.0.0/20');
  assert.equal(choose('172.16.0.0/12', '192.168.1.5/32'), '192.168.16.0/20');
});

test('subnets of IPv6 come from the pools of IPv6, at once also where the host has a large route', () => {
  const choose6 = (...taken: string[]) => printIpBlock(chooseSubnet(pools, 6, taken.map(parseIpBlock)));
  assert.equal(choose6(), 'fd12::/64');
  assert.equal(choose6('fd12::/64', 'fd12:0:0:1::7/128'), 'fd12:0:0:2::/64');
  assert.equal(choose6('fd12::/49'), 'fd12:0:0:8000::/64');
  assert.throws(() => choose6('fd00::/8'), { kind: 'resource-exhausted' });
});

test('the range of IPv6 that follows from a seed is a /48 of unique local addresses, and always the same', () => {
  const pool = uniqueLocalPool('seed');
  assert.match(pool.base, /^fd[0-9a-f]{2}:[0-9a-f]{4}:[0-9a-f]{4}::\/48$/);
  assert.deepEqual(pool, uniqueLocalPool('seed'));
  assert.notDeepEqual(pool, uniqueLocalPool('other'));
  checkAddressPool(pool);
});

test('the default pools stand in for those of a version that has none', () => {
  const own = { base: '10.0.0.0/8', size: 24 };
  assert.deepEqual(withDefaultPools([own], DEFAULT_ADDRESS_POOLS), [own]);
  assert.deepEqual(withDefaultPools([own], [uniqueLocalPool('seed')]), [own, uniqueLocalPool('seed')]);
});

test('pools that cannot be cut are refused', () => {
  for (const [base, size] of [
    ['10.0.0.0/24', 16],
    ['10.0.0.0/24', 31],
    ['fd00::/48', 127],
    ['x', 24],
  ] as const) {
    assert.throws(() => checkAddressPool({ base, size }), { kind: 'invalid-argument' });
  }
});

test('exhausted pools are told in the words of Docker', () => {
  assert.throws(() => choose('0.0.0.0/1', '128.0.0.0/1'), {
    kind: 'resource-exhausted',
    message: 'all predefined address pools have been fully subnetted',
  });
});

test('the lowest free address is given, never the gateway, network or broadcast address', () => {
  const used = new Set<string>();
  for (let i = 0; i < 5; i++) used.add(allocate({ used }));
  assert.deepEqual([...used], ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.throws(() => allocate({ used }), {
    kind: 'resource-exhausted',
    message: "no available IPv4 addresses on this network's address pools: bridge (abc)",
  });
  used.delete('10.0.0.4');
  assert.equal(allocate({ used }), '10.0.0.4');
});

test('addresses come from the range, never an auxiliary one, and from a further pool when the first is full', () => {
  const pool = { subnet: '10.0.0.0/24', gateway: '10.0.0.1', ipRange: '10.0.0.8/30', auxAddresses: { a: '10.0.0.9' } };
  const further = { subnet: '10.1.0.0/24', gateway: '10.1.0.1' };
  const used = new Set<string>();
  for (let i = 0; i < 4; i++) used.add(allocate({ pools: [pool, further], used }));
  assert.deepEqual([...used], ['10.0.0.8', '10.0.0.10', '10.0.0.11', '10.1.0.2']);
});

test('IPv6 addresses begin behind that of all routers', () => {
  const pools = [{ subnet: 'fd00::/64', gateway: '' }];
  assert.equal(allocate({ version: 6, pools }), 'fd00::1');
  assert.equal(allocate({ version: 6, pools, wanted: 'FD00:0::FFFF:FFFF:FFFF:FFFF' }), 'fd00::ffff:ffff:ffff:ffff');
  assert.throws(() => allocate({ version: 6, pools, wanted: 'fd00::' }), { kind: 'invalid-argument' });
});

test('a resting address is taken only when nothing else is left', () => {
  const resting = new Set(['10.0.0.2']);
  assert.equal(allocate({ resting }), '10.0.0.3');
  const used = new Set(['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.equal(allocate({ resting, used }), '10.0.0.2');
});

test('a wanted address is given if it is free and inside the subnet', () => {
  assert.equal(allocate({ wanted: '10.0.0.5' }), '10.0.0.5');
  const inUse = { kind: 'conflict', message: 'Address already in use' };
  assert.throws(() => allocate({ wanted: '10.0.0.5', used: new Set(['10.0.0.5']) }), inUse);
  assert.throws(() => allocate({ wanted: '10.0.0.1' }), inUse);
  for (const wanted of ['10.0.0.8', '10.0.0.0', '10.0.0.7', 'fd00::1']) {
    const message = `no configured subnet or ip-range contain the IP address ${wanted}`;
    assert.throws(() => allocate({ wanted }), { kind: 'invalid-argument', message });
  }
});

test('MAC addresses follow from the IPv4 address, and given ones must be unicast', () => {
  assert.equal(macOfAddress('172.17.0.2'), '02:42:ac:11:00:02');
  assert.equal(parseMacAddress('02:AB:00:00:00:01'), '02:ab:00:00:00:01');
  assert.equal(parseMacAddress('02-42-ac-11-00-02'), '02:42:ac:11:00:02');
  for (const text of ['', '02:42', '01:00:00:00:00:01']) {
    assert.throws(() => parseMacAddress(text), { kind: 'invalid-argument', message: `invalid MAC address: ${text}` });
  }
});
