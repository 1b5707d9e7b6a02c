import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printTimestamp } from './timestamp.ts';
import { encodeFilters, parseBytes, parseCpus, parseDuration } from './values.ts';

test('sizes are powers of 1024, whatever the spelling of the unit', () => {
  const sizes = ['1024', '1k', '1KB', '1kib', '1.5m', '2 g', '64MB'].map(parseBytes);
  assert.deepEqual(sizes, [1024, 1024, 1024, 1024, 1572864, 2147483648, 67108864]);
  for (const text of ['x', '', '-1', '1q', '1mm', 'm']) {
    assert.throws(() => parseBytes(text), { message: `invalid size: '${text}'` });
  }
});

test('durations are Go durations', () => {
  assert.equal(parseDuration('1m30s'), 90e9);
  assert.equal(parseDuration('1.5h'), 5400e9);
  assert.equal(parseDuration('-2ms'), -2e6);
  assert.equal(parseDuration('0'), 0);
  assert.throws(() => parseDuration('1'), { message: 'time: missing unit in duration "1"' });
  assert.throws(() => parseDuration('1x'), { message: 'time: unknown unit "x" in duration "1x"' });
  assert.throws(() => parseDuration('s'), { message: 'time: invalid duration "s"' });
});

test('cpus are billionths', () => {
  assert.equal(parseCpus('1.5'), 1_500_000_000);
  assert.equal(parseCpus('1/2'), 500_000_000);
  assert.throws(() => parseCpus('x'), /failed to parse x as a rational number/);
  assert.throws(() => parseCpus('0.0000000001'), /value is too precise/);
});

test('filters of one name are gathered', () => {
  const encoded = encodeFilters(['label=a=b', 'label=c', 'Status=exited']);
  assert.deepEqual(JSON.parse(encoded ?? ''), { label: { 'a=b': true, c: true }, status: { exited: true } });
  assert.equal(encodeFilters([]), undefined);
});

test('times are spans before now, seconds, or dates', () => {
  assert.equal(printTimestamp('10s', 60_000), '50.000000000');
  assert.equal(printTimestamp('1700000000.5', 0), '1700000000.5');
  assert.equal(printTimestamp('2013-01-02T13:23:37Z', 0), '1357133017.000000000');
  assert.equal(printTimestamp('2013-01-02T13:23:37.123+01:00', 0), '1357129417.123000000');
  assert.throws(() => printTimestamp('x', 0), { message: 'failed to parse value as time or duration: "x"' });
});
