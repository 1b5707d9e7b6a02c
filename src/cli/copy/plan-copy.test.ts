import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepEnding, splitEntry } from './paths.ts';
import { type CopyTarget, planCopy } from './plan-copy.ts';

test('an entry of a directory is told from its content', () => {
  assert.deepEqual(splitEntry('/a/b'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/a/b/'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/a/b/.'), { directory: '/a/b', base: '.' });
  assert.deepEqual(splitEntry('/a//x/../b'), { directory: '/a', base: 'b' });
  assert.deepEqual(splitEntry('/'), { directory: '/', base: '/' });
  assert.deepEqual(splitEntry('.'), { directory: '.', base: '.' });
  assert.deepEqual([keepEnding('/a', 'a/'), keepEnding('/a', 'a/.'), keepEnding('/', '.')], ['/a/', '/a/.', '/.']);
});

const plan = (path: string, isDirectory: boolean, target: string, kind: CopyTarget['kind']) =>
  planCopy({ path, isDirectory, askedName: undefined }, { path: target, kind });

test('into a directory that is there goes the source under its own name, or its content', () => {
  assert.deepEqual(plan('/s/f', false, '/t', 'directory'), { directory: '/t', sourceName: 'f', name: 'f' });
  assert.deepEqual(plan('/s/d', true, '/t/', 'directory'), { directory: '/t/', sourceName: 'd', name: 'd' });
  assert.deepEqual(plan('/s/d/.', true, '/t', 'directory'), { directory: '/t', sourceName: '.', name: '.' });
});

test('what is not there yet gets the name of the target', () => {
  assert.deepEqual(plan('/s/f', false, '/t/new', 'missing'), { directory: '/t', sourceName: 'f', name: 'new' });
  assert.deepEqual(plan('/s/d/.', true, '/t/new/', 'missing'), { directory: '/t', sourceName: '.', name: 'new' });
  assert.deepEqual(plan('/s/f', false, '/t/old', 'other'), { directory: '/t', sourceName: 'f', name: 'old' });
});

test('a directory does not replace a file, and a file makes no directory', () => {
  assert.throws(() => plan('/s/d', true, '/t/f', 'other'), { message: 'cannot copy directory' });
  assert.throws(() => plan('/s/f', false, '/t/new/', 'missing'), { message: 'no such directory' });
});
