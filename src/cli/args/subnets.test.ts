import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IpamTexts, sortToSubnets } from './subnets.ts';

const sort = (texts: Partial<IpamTexts>) =>
  sortToSubnets({ subnets: [], ranges: [], gateways: [], auxiliary: {}, ...texts });

test('what belongs to a subnet is found by its address, in both families', () => {
  assert.deepEqual(
    sort({
      subnets: ['10.0.0.0/24', 'fd00::/64'],
      ranges: ['10.0.0.128/25'],
      gateways: ['fd00::1', '10.0.0.1'],
      auxiliary: { printer: 'fd00::2', router: '10.0.0.2' },
    }),
    [
      {
        Subnet: '10.0.0.0/24',
        IPRange: '10.0.0.128/25',
        Gateway: '10.0.0.1',
        AuxiliaryAddresses: { router: '10.0.0.2' },
      },
      { Subnet: 'fd00::/64', Gateway: 'fd00::1', AuxiliaryAddresses: { printer: 'fd00::2' } },
    ],
  );
});

const two = ['10.0.0.0/24', '10.1.0.0/24'];
const refusals: readonly (readonly [Partial<IpamTexts>, string])[] = [
  [{ gateways: ['10.0.0.1'] }, 'every ip-range or gateway must have a corresponding subnet'],
  [{ subnets: ['10.0.0.0/16', '10.0.1.0/24'] }, 'multiple overlapping subnet configuration is not supported'],
  [{ subnets: two, gateways: ['10.2.0.1'] }, 'no matching subnet for gateway 10.2.0.1'],
  [
    { subnets: two, gateways: ['10.0.0.1', '10.0.0.2'] },
    'cannot configure multiple gateways (10.0.0.1, 10.0.0.2) for the same subnet (10.0.0.0/24)',
  ],
  [
    { subnets: two, ranges: ['10.0.0.0/25', '10.0.0.128/25'] },
    'cannot configure multiple ranges (10.0.0.0/25, 10.0.0.128/25) on the same subnet (10.0.0.0/24)',
  ],
];

for (const [texts, message] of refusals) {
  test(`${JSON.stringify(texts)} is refused in docker's words`, () => {
    assert.throws(() => sort(texts), { message });
  });
}
