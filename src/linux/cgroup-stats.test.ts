import assert from 'node:assert/strict';
import test from 'node:test';
import { blkioV2, parseBlkioV1 } from './cgroup-stats.ts';

test('v1 block figures are read by device, without the sum of all', () => {
  assert.deepEqual(parseBlkioV1('254:0 Read 4096\n254:0 Write 0\nTotal 4096\n'), [
    { major: 254, minor: 0, operation: 'read', value: 4096 },
    { major: 254, minor: 0, operation: 'write', value: 0 },
  ]);
});

test('v2 block figures are split into bytes and operations', () => {
  const { bytes, operations } = blkioV2(
    '8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n7:0 \n',
  );
  assert.deepEqual(bytes.slice(0, 2), [
    { major: 8, minor: 16, operation: 'read', value: 1459200 },
    { major: 8, minor: 16, operation: 'write', value: 314773504 },
  ]);
  assert.equal(operations[1]?.value, 353);
});
