import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { fsyncDirectory, writeFileDurably } from './sync.ts';

test('a file is made and replaced with its exact mode, leaving nothing beside it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-sync-'));
  const path = join(directory, 'file');
  try {
    await writeFileDurably(path, 'one', 0o666);
    await writeFileDurably(path, Buffer.from('two'), 0o666);
    assert.equal(readFileSync(path, 'utf8'), 'two');
    assert.equal(statSync(path).mode & 0o7777, 0o666);
    assert.deepEqual(readdirSync(directory), ['file']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a file that cannot be replaced is named, and no temporary one stays', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-sync-'));
  const path = join(directory, 'target');
  mkdirSync(path);
  try {
    await assert.rejects(
      writeFileDurably(path, 'x'),
      (error: unknown) => isEngineError(error) && error.message.includes(path),
    );
    assert.deepEqual(readdirSync(directory), ['target']);
    await assert.rejects(fsyncDirectory(join(directory, 'absent')), (error: unknown) =>
      isEngineError(error, 'not-found'),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
