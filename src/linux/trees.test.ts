import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sumTree } from './trees.ts';

const dir = mkdtempSync(join(tmpdir(), 'trees-'));
after(() => rmSync(dir, { recursive: true }));

test('a tree is as large as its files: hard links count once, links lead nowhere, names are bytes', async () => {
  const tree = join(dir, 'tree');
  mkdirSync(join(tree, 'inner'), { recursive: true });
  writeFileSync(join(dir, 'outside'), Buffer.alloc(1000));
  writeFileSync(join(tree, 'a'), Buffer.alloc(100));
  linkSync(join(tree, 'a'), join(tree, 'inner', 'again'));
  symlinkSync('../outside', join(tree, 'link'));
  symlinkSync('..', join(tree, 'inner', 'up'));
  for (const name of ['\xff', '\xfe']) {
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(name, 'latin1')]), Buffer.alloc(10));
  }
  assert.equal(await sumTree(tree), 120);
});

test('nothing is as large as nothing', async () => {
  assert.equal(await sumTree(join(dir, 'missing')), 0);
});
