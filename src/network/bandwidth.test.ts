import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBandwidth, parseRate } from './bandwidth.ts';

test('rates are read as tc reads them', () => {
  const rates = {
    '10mbit': 10e6,
    '1gbit': 1e9,
    '500kbit': 500e3,
    '1.5Mbit': 1.5e6,
    '1mbps': 8e6,
    '9600': 9600,
    '1mibit': 1048576,
  };
  for (const [text, bits] of Object.entries(rates)) assert.equal(parseRate(text), bits, text);
});

test('rates that cannot be read or served are refused', () => {
  for (const text of ['', 'fast', '10 mbit', '-1mbit', '10mbitt', '0', '1kbit', '2tbit', 'mbit', '1e9']) {
    assert.throws(() => parseRate(text), { kind: 'invalid-argument' }, text);
  }
});

test('misspelt options are refused, those of others are not looked at', () => {
  checkBandwidth(
    { driver: 'bridge' },
    { 'gantry.rate': '1mbit', 'gantry.rate-in': '2mbit', 'com.docker.network.endpoint.sysctls': 'x' },
  );
  assert.throws(() => checkBandwidth({ driver: 'bridge' }, { 'gantry.rate-up': '1mbit' }), {
    kind: 'invalid-argument',
    message: /gantry.rate-out/,
  });
});

test('only bridges have a place for limits', () => {
  checkBandwidth({ driver: 'macvlan' }, {});
  assert.throws(() => checkBandwidth({ driver: 'macvlan' }, { 'gantry.rate': '1mbit' }), { kind: 'invalid-argument' });
});
