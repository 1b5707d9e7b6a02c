import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressValue, concatValues, ifnameValue, portValue } from './nft-values.ts';

test('addresses become their bytes in network order, in every way of writing them', () => {
  const hex = (text: string) => addressValue(text).toString('hex');
  assert.equal(hex('172.17.0.2'), 'ac110002');
  assert.equal(hex('::'), '0'.repeat(32));
  assert.equal(hex('::1'), `${'0'.repeat(31)}1`);
  assert.equal(hex('2001:DB8::a:0:1'), '20010db8000000000000000a00000001');
  assert.equal(hex('fd00:1:2:3:4:5:6:7'), 'fd000001000200030004000500060007');
  assert.equal(hex('fd00::'), `fd00${'0'.repeat(28)}`);
  assert.equal(hex('::ffff:1.2.3.4'), '00000000000000000000ffff01020304');
  for (const wrong of ['', '1.2.3', 'fe80::1::', 'name']) {
    assert.throws(() => addressValue(wrong), { kind: 'invalid-argument' });
  }
});

test('values of a concatenation are padded to four bytes each', () => {
  assert.equal(
    concatValues(portValue(8080), Buffer.of(6), addressValue('1.2.3.4')).toString('hex'),
    '1f9000000600000001020304',
  );
  assert.equal(ifnameValue('eth0').toString(), `eth0${'\0'.repeat(12)}`);
});
