import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isEngineError } from '#/base/errors.ts';
import { byteStringOfText } from './byte-string.ts';
import { expand } from './compression.ts';
import { parsePaxRecords, parsePaxTime, printPaxRecords, printPaxTime } from './pax.ts';
import type { TarEntry } from './tar-entry.ts';
import { parseNumber } from './tar-header.ts';
import { readTar } from './tar-reader.ts';
import { TarScanner } from './tar-scanner.ts';
import { printTarHeader, type TarHeaderFields, tarEnd, tarPadding } from './tar-writer.ts';

const PLAIN: TarHeaderFields = {
  type: 'file',
  name: 'plain',
  mode: 0o640,
  uid: 1,
  gid: 2,
  sizeBytes: 3,
  mtimeSeconds: 1_700_000_000,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

const MEMBERS: readonly TarHeaderFields[] = [
  PLAIN,
  { ...PLAIN, name: byteStringOfText(`${'länger/'.repeat(60)}end`), uid: 3_000_000_000, mtimeNanoseconds: 123_456_789 },
  { ...PLAIN, name: 'old', mtimeSeconds: -2, mtimeNanoseconds: 500_000_000, sizeBytes: 0 },
  { ...PLAIN, type: 'directory', name: 'dir/', mode: 0o1777, sizeBytes: 0 },
  { ...PLAIN, type: 'symlink', name: 'link', linkName: 't'.repeat(300), sizeBytes: 0, mode: 0o777 },
  { ...PLAIN, type: 'link', name: 'hard', linkName: 'plain', sizeBytes: 0 },
  { ...PLAIN, type: 'char', name: 'null', major: 1, minor: 3, sizeBytes: 0 },
  {
    ...PLAIN,
    name: 'attributes',
    xattrs: new Map([
      ['user.b', Buffer.from([0, 10, 255])],
      ['user.a', Buffer.from('a')],
    ]),
  },
];

const ARCHIVE = Buffer.concat([
  ...MEMBERS.flatMap((member) => [
    printTarHeader(member),
    Buffer.alloc(member.sizeBytes, 'x'),
    tarPadding(member.sizeBytes),
  ]),
  tarEnd(),
]);

function scan(bytes: Uint8Array, pieceBytes = bytes.length): TarEntry[] {
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ onEntry: (entry) => entries.push(entry) });
  for (let at = 0; at < bytes.length; at += pieceBytes) scanner.write(bytes.subarray(at, at + pieceBytes));
  scanner.end();
  return entries;
}

async function* pieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

test('what the writer prints the scanner reads, in pieces of any size', () => {
  const whole = scan(ARCHIVE);
  for (const size of [1, 7, 511, 512, 513, 4096]) assert.deepEqual(scan(ARCHIVE, size), whole);
  assert.equal(whole.length, MEMBERS.length);
  whole.forEach((entry, i) => {
    const { linkName = '', major = 0, minor = 0, xattrs, ...rest } = MEMBERS[i] ?? PLAIN;
    assert.deepEqual({ ...entry, ...rest, linkName, major, minor, xattrs: undefined }, { ...entry, xattrs: undefined });
    assert.deepEqual(new Map(entry.xattrs), new Map(xattrs));
    assert.equal(entry.dataOffset % 512, 0);
    assert.equal(
      ARCHIVE.toString('latin1', entry.dataOffset, entry.dataOffset + entry.dataBytes),
      'x'.repeat(rest.sizeBytes),
    );
  });
});

test('GNU tar reads what the writer prints', () => {
  const list = execFileSync('tar', ['--full-time', '--numeric-owner', '-tvf', '-'], {
    input: ARCHIVE,
    encoding: 'utf8',
    env: { TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  });
  assert.match(list, /^-rw-r----- 1\/2 +3 2023-11-14 22:13:20 plain$/m);
  assert.match(list, /3000000000\/2 +3 2023-11-14 22:13:20.123456789 länger/);
  assert.match(list, /1969-12-31 23:59:5\d\.5 +old/);
  assert.match(list, /^lrwxrwxrwx .* link -> t{300}$/m);
  assert.match(list, /^hrw-r----- .* hard link to plain$/m);
  assert.match(list, /^crw-r----- .* 1,3 .* null$/m);
});

test('the reader hands out bodies as they come and skips what nobody reads', async () => {
  const seen: string[] = [];
  for await (const { entry, body } of readTar(pieces(ARCHIVE, 700))) {
    if (entry.name === 'attributes') continue;
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    seen.push(`${entry.name.slice(0, 4)}=${Buffer.concat(parts)}`);
  }
  assert.deepEqual(seen, ['plai=xxx', 'lÃ¤n=xxx', 'old=', 'dir/=', 'link=', 'hard=', 'null=']);
});

test('global PAX records hold for all entries, local ones for one, and an empty value takes one back', () => {
  const record = (type: 'x' | 'g', text: Array<readonly [string, string]>): Buffer => {
    const data = printPaxRecords(text);
    const header = printTarHeader({ ...PLAIN, name: 'pax', sizeBytes: data.length });
    header.write(type, 156);
    header.fill(0x20, 148, 156);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    return Buffer.concat([header, data, tarPadding(data.length)]);
  };
  const file = printTarHeader({ ...PLAIN, sizeBytes: 0 });
  const archive = [
    record('g', [
      ['uid', '77'],
      ['gid', '88'],
    ]),
    file,
    record('x', [
      ['uid', '5'],
      ['gid', ''],
    ]),
    file,
    file,
    tarEnd(),
  ];
  assert.deepEqual(
    scan(Buffer.concat(archive)).map(({ uid, gid }) => [uid, gid]),
    [
      [77, 88],
      [5, 2],
      [77, 88],
    ],
  );
});

test('GNU tar with names beyond 100 bytes, and numbers in base 256', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tar-'));
  try {
    execFileSync(
      'sh',
      ['-ec', `mkdir -p ${'d'.repeat(90)}; echo x > ${'d'.repeat(90)}/${'f'.repeat(90)}; ln -s ${'t'.repeat(200)} l`],
      { cwd: directory },
    );
    const archive = execFileSync('tar', ['--format=gnu', '--owner=:3000000000', '--mtime=@-5', '-cf', '-', '.'], {
      cwd: directory,
    });
    const entries = scan(archive);
    assert.ok(entries.some(({ name }) => name === `./${'d'.repeat(90)}/${'f'.repeat(90)}`));
    assert.ok(entries.some(({ linkName }) => linkName === 't'.repeat(200)));
    assert.ok(entries.every(({ uid, mtimeSeconds }) => uid === 3_000_000_000 && mtimeSeconds === -5));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('numbers, times and records are read exactly', () => {
  const number = (bytes: number[]): number => parseNumber(Buffer.from(bytes), 0, bytes.length, 'n', 0);
  assert.equal(number([0x80, 0, 0, 1, 0]), 256);
  assert.equal(number([0xff, 0xff, 0xff, 0xfe]), -2);
  assert.equal(number([0x20, 0x37, 0x37, 0]), 63);
  assert.throws(() => number([0x39, 0x30]), /not an octal number/);
  assert.throws(() => number([0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), /out of range/);
  for (const text of ['0', '-1', '-1.5', '1.000000001', '-0.25', '1700000000.123']) {
    assert.equal(printPaxTime(parsePaxTime(text)), text);
  }
  assert.throws(() => parsePaxTime('1e9'), /not a time/);
  for (const bad of ['99 a=b\n', '5 a=b', 'x a=b\n', '6 ab\n\n', '999999999999 a=b\n']) {
    assert.throws(
      () => parsePaxRecords(Buffer.from(bad)),
      (error) => isEngineError(error, 'data-loss'),
      bad,
    );
  }
});

test('expanding tells compressions apart and stops at the stated limits', async () => {
  const read = async (bytes: Uint8Array, limits?: Parameters<typeof expand>[1]): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for await (const part of expand(pieces(bytes, 3), limits)) parts.push(part);
    return Buffer.concat(parts);
  };
  const text = Buffer.from('some text '.repeat(1000));
  assert.deepEqual(await read(text), text);
  assert.deepEqual(await read(Buffer.from('ab')), Buffer.from('ab'));
  assert.deepEqual(await read(Buffer.concat([gzipSync(text), gzipSync(text)])), Buffer.concat([text, text]));
  assert.deepEqual(await read(zstdCompressSync(text)), text);
  await assert.rejects(read(gzipSync(text).subarray(0, -9)), (error) => isEngineError(error, 'data-loss'));
  const limits = { maxBytes: 5000, maxRatio: 1000, ratioFreeBytes: 0 };
  await assert.rejects(read(gzipSync(text), limits), /beyond the limit of 5000 bytes/);
  await assert.rejects(read(gzipSync(text), { ...limits, maxBytes: 1e9, maxRatio: 2 }), /more than 2 times/);
  await assert.rejects(read(Buffer.from('fd377a585a0000', 'hex')), (error) => isEngineError(error, 'not-implemented'));
});
