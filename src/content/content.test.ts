import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '#/base/clock.ts';
import { type ErrorKind, isEngineError } from '#/base/errors.ts';
import { digestOfHex } from '#/base/ids.ts';
import { openStore, type Store } from '#/store/store.ts';
import { ContentStore } from './content.ts';

let directory = '';
let store: Store;
let content: ContentStore;

const open = (): ContentStore => new ContentStore({ dataRoot: directory, store, clock: systemClock });
const is = (kind: ErrorKind) => (error: unknown) => isEngineError(error, kind);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'content-'));
  store = openStore(join(directory, 'db'));
  content = open();
});

afterEach(() => {
  store[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

test('a blob is found by its digest, whole, and only once however often it is written', async () => {
  const bytes = Buffer.from('{"a":1}');
  const digest = await content.writeBlob(bytes);
  assert.equal(digest, `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  assert.equal(await content.writeBlob(bytes), digest);
  assert.deepEqual(content.list(), [digest]);
  assert.deepEqual([content.has(digest), content.getSize(digest)], [true, 7]);
  assert.deepEqual(await content.readBlob(digest, 7), bytes);
  await assert.rejects(content.readBlob(digest, 6), is('resource-exhausted'));
  const parts: Uint8Array[] = [];
  for await (const part of content.read(digest)) parts.push(part);
  assert.deepEqual(Buffer.concat(parts), bytes);
});

test('a blob whose bytes changed on disk is data-loss; one that is not there is not-found', async () => {
  const digest = await content.writeBlob(Buffer.from('true'));
  writeFileSync(content.pathOf(digest), 'fals');
  await assert.rejects(content.readBlob(digest, 100), is('data-loss'));
  const absent = digestOfHex('0'.repeat(64));
  assert.throws(() => content.getSize(absent), is('not-found'));
  await assert.rejects(content.open(absent), is('not-found'));
  await content.remove(absent);
});

test('a lease protects a blob until it is disposed, or until the store is opened again', async () => {
  const digest = await content.writeBlob(Buffer.from('x'));
  {
    using lease = content.lease();
    lease.add(digest);
    await assert.rejects(content.remove(digest), is('conflict'));
  }
  content.lease().add(digest);
  await assert.rejects(content.remove(digest), is('conflict'));
  content = open();
  await content.remove(digest);
  assert.deepEqual(content.list(), []);
});

test('what was not committed is swept when the store is opened', async () => {
  const pending = content.begin();
  writeFileSync(pending.path, 'half');
  open();
  assert.deepEqual(readdirSync(join(directory, 'content', 'ingest')), []);
  await pending.abort();
});
