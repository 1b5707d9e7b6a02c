import assert from 'node:assert/strict';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import {
  ALL_CAPABILITIES,
  capabilitiesOfMask,
  clampCapabilities,
  DEFAULT_CAPABILITIES,
  resolveCapabilities,
} from './capabilities.ts';

const resolve = (add: string[], drop: string[], privileged = false) =>
  resolveCapabilities({ add, drop, privileged }).capabilities;

test('nothing asked gives the defaults, privileged gives all', () => {
  assert.deepEqual(resolve([], []), DEFAULT_CAPABILITIES);
  assert.equal(DEFAULT_CAPABILITIES.length, 14);
  assert.equal(ALL_CAPABILITIES.length, 41);
  assert.deepEqual(resolve([], ['ALL'], true), ALL_CAPABILITIES);
});

test('names are taken in any case, with or without their prefix', () => {
  assert.deepEqual(resolve(['net_admin', 'CAP_NET_ADMIN', 'Chown'], ['kill']), [
    ...DEFAULT_CAPABILITIES.filter((name) => name !== 'CAP_KILL'),
    'CAP_NET_ADMIN',
  ]);
});

test('ALL adds all but what is dropped, or drops all but what is added', () => {
  assert.deepEqual(
    resolve(['all'], ['sys_admin']),
    ALL_CAPABILITIES.filter((name) => name !== 'CAP_SYS_ADMIN'),
  );
  assert.deepEqual(resolve(['chown'], ['ALL']), ['CAP_CHOWN']);
  assert.deepEqual(resolve([], ['ALL']), []);
});

test('an unknown name is refused in Docker’s words', () => {
  assert.throws(
    () => resolve(['nope'], []),
    (error: unknown) =>
      isEngineError(error, 'invalid-argument') && error.message === 'invalid CapAdd: unknown capability: "CAP_NOPE"',
  );
  assert.throws(() => resolve([], ['x']), /^EngineError: invalid CapDrop: unknown capability: "CAP_X"$/);
});

test('what the engine does not hold is left out of every set', () => {
  const held = capabilitiesOfMask(0b11n);
  assert.deepEqual([...held], ['CAP_CHOWN', 'CAP_DAC_OVERRIDE']);
  const wanted = ['CAP_CHOWN', 'CAP_KILL'];
  assert.deepEqual(clampCapabilities({ bounding: wanted, effective: wanted, permitted: [], ambient: wanted }, held), {
    bounding: ['CAP_CHOWN'],
    effective: ['CAP_CHOWN'],
    permitted: [],
    ambient: ['CAP_CHOWN'],
  });
});
