import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { mountErofs, probeErofs } from './erofs.ts';
import { unmount } from './mount.ts';

inThrowawayHost();

const root = mkdtempSync(join(tmpdir(), 'erofs-'));

/** The smallest index: a root directory holding `hello`, whose bytes are the first of the second tar block. */
function smallestIndex(sizeBytes: number): Buffer {
  const image = Buffer.alloc(4096);
  image.writeUInt32LE(0xe0f5e1e2, 1024);
  image.writeUInt8(9, 1024 + 12); // blkszbits
  image.writeUInt16LE(2048 / 32, 1024 + 14); // root nid
  image.writeBigUInt64LE(2n, 1024 + 16); // inodes
  image.writeUInt32LE(8, 1024 + 36); // blocks
  image.writeUInt32LE(4 | 8, 1024 + 80); // chunked files, device table
  image.writeUInt16LE(1, 1024 + 86); // extra devices
  image.writeUInt16LE(1536 / 128, 1024 + 88);
  image.writeUInt32LE(2, 1536 + 64); // the device's blocks
  writeInode(image, 2048, { mode: 0o40755, sizeBytes: 45, links: 2, layout: 0, data: 5 });
  writeInode(image, 2112, { mode: 0o100644, sizeBytes, links: 1, layout: 4, data: 0x20 });
  image.writeUInt16LE(1, 2112 + 64 + 2); // device id
  image.writeUInt32LE(1, 2112 + 64 + 4); // block 1
  const entries = [
    ['.', 2048, 2],
    ['..', 2048, 2],
    ['hello', 2112, 1],
  ] as const;
  let nameAt = 36;
  for (const [i, [name, at, type]] of entries.entries()) {
    image.writeBigUInt64LE(BigInt(at / 32), 2560 + i * 12);
    image.writeUInt16LE(nameAt, 2560 + i * 12 + 8);
    image.writeUInt8(type, 2560 + i * 12 + 10);
    nameAt += image.write(name, 2560 + nameAt);
  }
  return image;
}

interface Inode {
  readonly mode: number;
  readonly sizeBytes: number;
  readonly links: number;
  readonly layout: number;
  readonly data: number;
}

function writeInode(image: Buffer, at: number, { mode, sizeBytes, links, layout, data }: Inode): void {
  image.writeUInt16LE(1 | (layout << 1), at);
  image.writeUInt16LE(mode, at + 4);
  image.writeBigUInt64LE(BigInt(sizeBytes), at + 8);
  image.writeUInt32LE(data, at + 16);
  image.writeUInt32LE(at / 32, at + 20);
  image.writeUInt32LE(links, at + 44);
}

for (const [what, where] of [
  ['short', 'a,b'],
  ['longer than an option of the new interface', 'x'.repeat(250)],
] as const) {
  test(`an index is mounted over its tar, without devices, and read through (paths: ${what})`, async () => {
    const directory = join(root, where);
    const target = join(root, `target-${what.length}`);
    mkdirSync(directory);
    mkdirSync(target);
    writeFileSync(join(directory, 'index'), smallestIndex(6));
    writeFileSync(
      join(directory, 'tar'),
      Buffer.concat([Buffer.alloc(512), Buffer.from('hello\n'), Buffer.alloc(506)]),
    );
    mountErofs(join(directory, 'index'), join(directory, 'tar'), target);
    assert.equal(readFileSync(join(target, 'hello'), 'utf8'), 'hello\n');
    const options = execFileSync('findmnt', ['-n', '-o', 'OPTIONS', '-M', target]).toString();
    assert.match(options, /^ro,nodev.*directio/);
    assert.equal(await unmount(target), true);
  });
}

test('a file that is no index is refused', () => {
  writeFileSync(join(root, 'zeros'), Buffer.alloc(4096));
  const target = join(root, 'refused');
  mkdirSync(target);
  assert.throws(
    () => mountErofs(join(root, 'zeros'), join(root, 'zeros'), target),
    (error: unknown) => isEngineError(error, 'invalid-argument') && error.message.includes(target),
  );
});

test('the probe tries and leaves nothing behind', () => {
  const directory = mkdtempSync(join(root, 'probe-'));
  assert.deepEqual(probeErofs(directory), { available: true, reason: 'file-backed EROFS mounts work' });
  assert.equal(execFileSync('ls', ['-A', directory]).toString(), '');
});
