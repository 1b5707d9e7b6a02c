import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { packTree } from './pack.ts';
import { unpackTree } from './unpack.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-unpack-'));
after(() => rmSync(directory, { recursive: true }));

const inside = (name: string): string => {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
};
const skipNothing = (name: string): void => assert.fail(`${name} was left out`);

test('a sparse file keeps its holes, the last one too', async () => {
  const source = join(inside('sparse'), 'file');
  writeFileSync(source, 'begin');
  truncateSync(source, 8 << 20);
  writeFileSync(source, 'middle', { flag: 'r+' });
  truncateSync(source, 16 << 20);
  const tar = join(directory, 'sparse.tar');
  execFileSync('tar', [
    '--create',
    '--sparse',
    '--format=posix',
    `--file=${tar}`,
    '-C',
    join(directory, 'sparse'),
    'file',
  ]);
  const to = inside('sparse-out');
  await unpackTree(createReadStream(tar), { directory: to, sourceName: 'file', name: 'copy', onSkip: skipNothing });
  execFileSync('cmp', [source, join(to, 'copy')]);
  assert.ok(statSync(join(to, 'copy')).blocks * 512 < 1 << 20);
});

test('what is packed comes out the same: many small files, an empty one, one larger than a piece, modes and times', async () => {
  const source = inside('tree');
  for (let index = 0; index < 300; index++) writeFileSync(join(source, `small-${index}`), `${index}`.repeat(index));
  writeFileSync(join(source, 'large'), Buffer.alloc(700_001, 'large'));
  chmodSync(join(source, 'large'), 0o4750);
  utimesSync(join(source, 'large'), 1_100_000_000.5, 1_100_000_000.5);
  const to = inside('tree-out');
  const pieces: Buffer[] = [];
  const options = { directory: to, sourceName: 'tree', name: 'tree', onSkip: skipNothing };
  const counted = async function* () {
    for await (const piece of packTree(source, 'tree')) {
      pieces.push(piece);
      yield piece;
    }
  };
  await unpackTree(counted(), options);
  execFileSync('diff', ['--recursive', source, join(to, 'tree')]);
  const { mode, mtimeMs } = statSync(join(to, 'tree/large'));
  assert.deepEqual({ mode: mode & 0o7777, mtimeMs }, { mode: 0o4750, mtimeMs: 1_100_000_000_500 });
  assert.equal(readFileSync(join(to, 'tree/small-0'), 'utf8'), '');
  assert.ok(pieces.length < 10, `${pieces.length} pieces`);
});
