import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { parseIpv4, parseIpv4Block, printIpv4, printIpv4Block } from '#/base/ipv4.ts';
import { allocateAddress, chooseSubnet, DEFAULT_ADDRESS_POOLS, macOfAddress, parseMacAddress } from './ipam.ts';

const addresses = (...texts: string[]): ReadonlySet<number> => new Set(texts.map(parseIpv4));
const request = {
  networkName: 'bridge (abc)',
  subnet: parseIpv4Block('10.0.0.0/29'),
  gateway: parseIpv4('10.0.0.1'),
  used: addresses(),
  resting: addresses(),
  wanted: undefined,
};
const choose = (...taken: string[]): string =>
  printIpv4Block(chooseSubnet(DEFAULT_ADDRESS_POOLS, taken.map(parseIpv4Block)));

test('the default subnet is 172.17.0.0/16, or the next that the host does not use', () => {
  assert.equal(choose(), '172.17.0.0/16');
  assert.equal(choose('172.17.4.0/24'), '172.18.0.0/16');
  assert.equal(choose('172.16.0.0/12'), '192.168.0.0/20');
  assert.equal(choose('172.16.0.0/12', '192.168.1.5/32'), '192.168.16.0/20');
});

test('exhausted pools are told in the words of Docker', () => {
  assert.throws(
    () => choose('0.0.0.0/1', '128.0.0.0/1'),
    (error: unknown) =>
      isEngineError(error, 'resource-exhausted') && /non-overlapping IPv4 address pool/.test(error.message),
  );
});

test('the lowest free address is given, never the gateway, network or broadcast address', () => {
  const used = new Set<number>();
  const given: string[] = [];
  for (let i = 0; i < 5; i++) {
    const address = allocateAddress({ ...request, used });
    used.add(address);
    given.push(printIpv4(address));
  }
  assert.deepEqual(given, ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.throws(() => allocateAddress({ ...request, used }), {
    kind: 'resource-exhausted',
    message: "no available IPv4 addresses on this network's address pools: bridge (abc)",
  });
  used.delete(parseIpv4('10.0.0.4'));
  assert.equal(printIpv4(allocateAddress({ ...request, used })), '10.0.0.4');
});

test('a resting address is taken only when nothing else is left', () => {
  const resting = addresses('10.0.0.2');
  assert.equal(printIpv4(allocateAddress({ ...request, resting })), '10.0.0.3');
  const used = addresses('10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6');
  assert.equal(printIpv4(allocateAddress({ ...request, resting, used })), '10.0.0.2');
});

test('a wanted address is given if it is free and inside the subnet', () => {
  const want = (text: string, used = addresses()) => allocateAddress({ ...request, used, wanted: parseIpv4(text) });
  assert.equal(printIpv4(want('10.0.0.5')), '10.0.0.5');
  const inUse = { kind: 'conflict', message: 'Address already in use' };
  assert.throws(() => want('10.0.0.5', addresses('10.0.0.5')), inUse);
  assert.throws(() => want('10.0.0.1'), inUse);
  for (const outside of ['10.0.0.8', '10.0.0.0', '10.0.0.7']) {
    assert.throws(() => want(outside), { kind: 'invalid-argument' });
  }
});

test('MAC addresses follow from the IPv4 address, and given ones must be unicast', () => {
  assert.equal(macOfAddress(parseIpv4('172.17.0.2')), '02:42:ac:11:00:02');
  assert.equal(parseMacAddress('02:AB:00:00:00:01'), '02:ab:00:00:00:01');
  for (const text of ['', '02:42', '01:00:00:00:00:01', '02-42-ac-11-00-02']) {
    assert.throws(() => parseMacAddress(text), { kind: 'invalid-argument', message: `invalid MAC address: ${text}` });
  }
});
