import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { poll } from '#/base/delay.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { addTable, nftTransaction, openNfnetlink } from './nfnetlink.ts';
import { type NftNotice, watchNftables } from './nft-notices.ts';

inThrowawayHost();
const nft = (...args: string[]) => execFileSync('nft', args, { encoding: 'utf8' });
afterEach(() => nft('flush', 'ruleset'));

test('changes are told with the table and with who made them', async () => {
  const notices: NftNotice[] = [];
  using watch = watchNftables(
    (notice) => notices.push(notice),
    () => assert.fail('lost'),
  );
  assert.ok(watch);
  using netlink = openNfnetlink();
  netlink.batchNow(nftTransaction([addTable({ family: 'inet', name: 'mine' })]));
  nft('add', 'table', 'ip', 'theirs');
  nft('flush', 'ruleset');
  await poll(() => (notices.length >= 4 ? true : undefined), { intervalMs: 10, timeoutMs: 30_000 });
  const told = notices.map(({ family, table, portId }) => [family, table, portId === netlink.portId]);
  assert.deepEqual(told.slice(0, 2), [
    ['inet', 'mine', true],
    ['ip', 'theirs', false],
  ]);
  assert.deepEqual(told.slice(2).toSorted(), [
    ['inet', 'mine', false],
    ['ip', 'theirs', false],
  ]);
});
