import assert from 'node:assert/strict';
import test from 'node:test';
import { listMounts, parseMountInfo } from './mount-info.ts';

test('a line is parsed with its optional fields and escaped blanks', () => {
  const text =
    '36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n' +
    '37 35 0:5 / /b ro - tmpfs none rw\n';
  assert.deepEqual(parseMountInfo(text), [
    {
      id: 36,
      parentId: 35,
      device: '98:0',
      root: '/mnt1',
      target: '/mnt 2\\x',
      options: ['rw', 'noatime'],
      propagation: ['shared:1', 'master:2'],
      type: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
    },
    {
      id: 37,
      parentId: 35,
      device: '0:5',
      root: '/',
      target: '/b',
      options: ['ro'],
      propagation: [],
      type: 'tmpfs',
      source: 'none',
      superOptions: ['rw'],
    },
  ]);
});

test('listing takes a directory and what is below it, not what only begins with its name', () => {
  const targets = listMounts('/proc').map(({ target }) => target);
  assert.ok(targets.includes('/proc'));
  assert.ok(targets.every((target) => target === '/proc' || target.startsWith('/proc/')));
  assert.deepEqual(listMounts('/pro'), []);
});
