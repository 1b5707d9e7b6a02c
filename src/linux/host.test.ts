import assert from 'node:assert/strict';
import test from 'node:test';
import { parseOsRelease, parseRlimits } from './host.ts';

test('os-release is read with its quotes and escapes', () => {
  const text = 'PRETTY_NAME="Debian \\"12\\""\nID=debian\nVERSION_ID=\'12\'\n# comment\nHOME_URL="https://x/?a=b"\n';
  assert.deepEqual(Object.fromEntries(parseOsRelease(text)), {
    PRETTY_NAME: 'Debian "12"',
    ID: 'debian',
    VERSION_ID: '12',
    HOME_URL: 'https://x/?a=b',
  });
});

test('limits of the process are read, unlimited ones as infinity', () => {
  const text =
    'Limit                     Soft Limit           Hard Limit           Units     \n' +
    'Max cpu time              unlimited            unlimited            seconds   \n' +
    'Max open files            1024                 20000                files     \n' +
    'Max nice priority         0                    0                    \n';
  assert.deepEqual(Object.fromEntries(parseRlimits(text)), {
    cpu: { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY },
    nofile: { soft: 1024, hard: 20_000 },
    nice: { soft: 0, hard: 0 },
  });
});
