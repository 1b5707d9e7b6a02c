import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from './errors.ts';
import {
  addressBytes,
  blockContains,
  blocksOverlap,
  ipOfBytes,
  parseIp,
  parseIpBlock,
  printIp,
  printIpBlock,
} from './ip.ts';

const invalid = (error: unknown) => isEngineError(error, 'invalid-argument');

test('addresses and blocks are printed as they were parsed', () => {
  const texts = ['0.0.0.0', '172.17.0.2', '255.255.255.255', '::', '::1', 'fd00::2', '1::', 'fe80::1:0:0:5'];
  for (const text of texts) {
    assert.equal(printIp(parseIp(text)), text);
    assert.equal(printIp(ipOfBytes(addressBytes(text))), text);
  }
  assert.equal(printIpBlock(parseIpBlock('192.168.77.9/20')), '192.168.64.0/20');
  assert.equal(printIpBlock(parseIpBlock('10.1.2.3/32')), '10.1.2.3/32');
  assert.equal(printIpBlock(parseIpBlock('fd00:1:2:3:4::/64')), 'fd00:1:2:3::/64');
  assert.equal(printIpBlock(parseIpBlock('::/0')), '::/0');
});

test('IPv6 addresses are printed as RFC 5952 has them', () => {
  assert.equal(printIp(parseIp('2001:DB8:0:0:1:0:0:1')), '2001:db8::1:0:0:1');
  assert.equal(printIp(parseIp('1:2:3:0:5:6:7:8')), '1:2:3:0:5:6:7:8');
  assert.equal(printIp(parseIp('::ffff:1.2.3.4')), '::ffff:102:304');
});

test('what is no address or block is refused', () => {
  for (const text of ['', '1.2.3', '256.1.1.1', ':::1', '1.2.3.4 ', 'fe80::1%eth0', '1:2']) {
    assert.throws(() => parseIp(text), invalid, text);
  }
  for (const text of ['', '1.2.3.4', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/-1', '1.2.3.4/8/8', 'a/8', 'fd00::/129']) {
    assert.throws(() => parseIpBlock(text), invalid, text);
  }
});

test('blocks overlap where one holds an address of the other, of the same version', () => {
  const wide = parseIpBlock('172.16.0.0/12');
  assert.ok(blocksOverlap(wide, parseIpBlock('172.31.255.0/24')));
  assert.ok(!blocksOverlap(wide, parseIpBlock('172.32.0.0/16')));
  assert.ok(!blocksOverlap(parseIpBlock('0.0.0.0/0'), parseIpBlock('::/0')));
  assert.ok(blockContains(wide, parseIp('172.31.255.255')));
  assert.ok(blockContains(parseIpBlock('fd00::/64'), parseIp('fd00::ffff:0:0:1')));
  assert.ok(!blockContains(parseIpBlock('fd00::/64'), parseIp('fd00:0:0:1::')));
});
