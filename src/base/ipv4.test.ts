import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from './errors.ts';
import { blockContains, blocksOverlap, parseIpv4, parseIpv4Block, printIpv4, printIpv4Block } from './ipv4.ts';

test('addresses and blocks are printed as they were parsed', () => {
  for (const text of ['0.0.0.0', '172.17.0.2', '255.255.255.255']) assert.equal(printIpv4(parseIpv4(text)), text);
  assert.equal(printIpv4Block(parseIpv4Block('192.168.77.9/20')), '192.168.64.0/20');
  assert.equal(printIpv4Block(parseIpv4Block('10.1.2.3/32')), '10.1.2.3/32');
});

test('what is no address or block is refused', () => {
  for (const text of ['', '1.2.3', '256.1.1.1', '::1', '1.2.3.4 ']) {
    assert.throws(
      () => parseIpv4(text),
      (error) => isEngineError(error, 'invalid-argument'),
      text,
    );
  }
  for (const text of ['', '1.2.3.4', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/-1', '1.2.3.4/8/8', 'a/8']) {
    assert.throws(
      () => parseIpv4Block(text),
      (error) => isEngineError(error, 'invalid-argument'),
      text,
    );
  }
});

test('blocks overlap where one holds an address of the other', () => {
  const wide = parseIpv4Block('172.16.0.0/12');
  assert.ok(blocksOverlap(wide, parseIpv4Block('172.31.255.0/24')));
  assert.ok(!blocksOverlap(wide, parseIpv4Block('172.32.0.0/16')));
  assert.ok(blockContains(wide, parseIpv4('172.31.255.255')));
});
