import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareNaturally } from './natural-order.ts';

test('numbers in names are compared as numbers, everything else by its characters', () => {
  const names = ['web10', 'web2', 'web', 'a1b10', 'a1b9', 'Web', '10', '9', 'web02'];
  assert.deepEqual(names.sort(compareNaturally), ['9', '10', 'Web', 'a1b9', 'a1b10', 'web', 'web02', 'web2', 'web10']);
});
