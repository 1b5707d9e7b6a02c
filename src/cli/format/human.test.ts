import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeControls } from './escape.ts';
import { printBinarySize, printSize, printSpan } from './human.ts';
import { printPorts } from './ports.ts';
import { printTable } from './table.ts';

test('spans are said in docker’s words', () => {
  const spans: readonly (readonly [number, string])[] = [
    [0.4, 'Less than a second'],
    [1, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [45 * 60, '45 minutes'],
    [3600, 'About an hour'],
    [46 * 3600, '46 hours'],
    [3 * 86400, '3 days'],
    [20 * 86400, '2 weeks'],
    [90 * 86400, '3 months'],
    [800 * 86400, '2 years'],
  ];
  for (const [seconds, words] of spans) assert.equal(printSpan(seconds), words);
});

test('sizes have as many digits as docker shows', () => {
  assert.deepEqual(
    [0, 999, 1000, 1982000, 253_000_000, 1.5e12].map((size) => printSize(size, 3)),
    ['0B', '999B', '1kB', '1.98MB', '253MB', '1.5TB'],
  );
  assert.equal(printSize(1982464), '1.982MB');
  assert.equal(printBinarySize(25275846656), '23.54GiB');
});

test('neighbouring ports are joined', () => {
  const port = (PrivatePort: number, PublicPort?: number, IP?: string) => ({
    PrivatePort,
    Type: 'tcp',
    ...(PublicPort === undefined ? {} : { PublicPort }),
    ...(IP === undefined ? {} : { IP }),
  });
  assert.equal(printPorts([port(81, 81, '0.0.0.0'), port(80, 80, '0.0.0.0')]), '0.0.0.0:80-81->80-81/tcp');
  assert.equal(printPorts([port(80, 8080, '0.0.0.0'), port(81)]), '81/tcp, 0.0.0.0:8080->80/tcp');
  assert.equal(printPorts([port(80, undefined, '/run/x.sock')]), '/run/x.sock->80/tcp');
  assert.equal(printPorts([port(443), port(80, 80, '::')]), '[::]:80->80/tcp, 443/tcp');
  assert.equal(printPorts([]), '');
});

test('columns are aligned, no narrower than ten, and the last is ragged', () => {
  assert.equal(
    printTable([
      ['ID', 'LONG HEADER', 'X'],
      ['1', 'a', ''],
    ]),
    'ID        LONG HEADER   X\n1         a             \n',
  );
});

test('escape sequences in names are shown instead of obeyed', () => {
  assert.equal(escapeControls('a\x1b]0;evil\x07b\u009b31m\r'), 'a\\x1b]0;evil\\x07b\\x9b31m\\x0d');
  assert.equal(escapeControls('tab\tand\nline'), 'tab\tand\nline');
});
