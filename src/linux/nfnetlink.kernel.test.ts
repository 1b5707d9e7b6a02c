import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { errnoOf } from '#/base/errors.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import type { NetlinkRequest } from './netlink.ts';
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteElements,
  deleteTable,
  type NftTable,
  nftTransaction,
  openNfnetlink,
} from './nfnetlink.ts';
import {
  DESTINATION_PORT,
  DROP,
  dnatBy,
  IN_NAME,
  IP_DESTINATION,
  isFamily,
  isIn,
  jumpTo,
  OUT_NAME,
  PROTOCOL,
} from './nft-expressions.ts';
import { addressValue, concatValues, ifnameValue, portValue, protocolValue } from './nft-values.ts';

inThrowawayHost();

const TABLE: NftTable = { family: 'inet', name: 'probe' };
const nft = (...args: string[]) => execFileSync('nft', args, { encoding: 'utf8' });
const change = (...requests: NetlinkRequest[]) => {
  using netlink = openNfnetlink();
  netlink.batchNow(nftTransaction(requests));
};

afterEach(() => nft('flush', 'ruleset'));

test('a table with sets, maps and rules reads in nft as it was meant', () => {
  change(
    addTable(TABLE),
    addSet(TABLE, { name: 'pairs', key: ['ifname', 'ifname'] }, 1),
    addSet(
      TABLE,
      { name: 'ports', key: ['ipv4_addr', 'inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
      2,
    ),
    addChain(TABLE, { name: 'side' }),
    addChain(TABLE, { name: 'forward', base: { type: 'filter', hook: 'forward', priority: -1, policy: 'accept' } }),
    addChain(TABLE, { name: 'pre', base: { type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' } }),
    addRule(TABLE, { chain: 'forward', expressions: [...isIn('pairs', IN_NAME, OUT_NAME), jumpTo('side')] }),
    addRule(TABLE, { chain: 'forward', expressions: [DROP], comment: 'the rest' }),
    addRule(TABLE, {
      chain: 'pre',
      expressions: [...isFamily('ip'), ...dnatBy('ports', 'ip', IP_DESTINATION, PROTOCOL, DESTINATION_PORT)],
    }),
    ...addElements(TABLE, 'pairs', [{ key: concatValues(ifnameValue('a0'), ifnameValue('b0')) }]),
    ...addElements(TABLE, 'ports', [
      {
        key: concatValues(addressValue('127.0.0.1'), protocolValue('tcp'), portValue(8080)),
        data: concatValues(addressValue('172.17.0.2'), portValue(80)),
      },
    ]),
  );
  const text = nft('list', 'table', 'inet', 'probe').replace(/\s+/g, ' ');
  for (const expected of [
    'elements = { "a0" . "b0" }',
    'elements = { 127.0.0.1 . tcp . 8080 : 172.17.0.2 . 80 }',
    'iifname . oifname @pairs jump side drop comment "the rest"',
    'dnat ip to ip daddr . meta l4proto . th dport map @ports',
  ]) {
    assert.ok(text.includes(expected), `${expected} in ${text}`);
  }
});

test('a set of interface names reads in nft with its names', () => {
  const elements = [{ key: ifnameValue('gantry0') }];
  change(
    addTable(TABLE),
    addSet(TABLE, { name: 'names', key: ['ifname'] }, 1),
    ...addElements(TABLE, 'names', elements),
  );
  assert.match(nft('list', 'set', 'inet', 'probe', 'names'), /elements = { "gantry0" }/);
});

test('a transaction that fails in one part changes nothing and says why', () => {
  change(addTable(TABLE), addSet(TABLE, { name: 'names', key: ['ifname'] }, 1));
  const element = { key: ifnameValue('a0') };
  assert.throws(
    () =>
      change(
        ...addElements(TABLE, 'names', [element]),
        ...deleteElements(TABLE, 'names', [{ key: ifnameValue('b0') }]),
      ),
    (error) => errnoOf(error) === 'ENOENT',
  );
  assert.doesNotMatch(nft('list', 'table', 'inet', 'probe'), /a0/);
  assert.throws(
    () => change(deleteTable({ family: 'inet', name: 'nothing' })),
    (error) => errnoOf(error) === 'ENOENT',
  );
});

test('thousands of elements go in at once', () => {
  const elements = Array.from({ length: 4000 }, (_, n) => ({ key: ifnameValue(`gv${n}`) }));
  change(
    addTable(TABLE),
    addSet(TABLE, { name: 'names', key: ['ifname'] }, 1),
    ...addElements(TABLE, 'names', elements),
  );
  assert.equal(JSON.parse(nft('-j', 'list', 'set', 'inet', 'probe', 'names')).nftables[1].set.elem.length, 4000);
});
