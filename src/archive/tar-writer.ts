import { type ByteString, byteStringOf } from './byte-string.ts';
import { type PaxRecords, printPaxRecords, printPaxTime } from './pax.ts';
import { paddedBytes, TAR_BLOCK_BYTES, type TarEntry, type TarEntryType } from './tar-entry.ts';

/** What a member's header says. The caller writes `sizeBytes` of data after it, then `tarPadding(sizeBytes)`. */
export type TarHeaderFields = Pick<
  TarEntry,
  'type' | 'name' | 'mode' | 'uid' | 'gid' | 'sizeBytes' | 'mtimeSeconds' | 'mtimeNanoseconds' | 'xattrs'
> &
  Partial<Pick<TarEntry, 'linkName' | 'userName' | 'groupName' | 'major' | 'minor'>>;

const TYPEFLAGS = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
} as const satisfies Record<TarEntryType, string>;

const OCTAL_7_MAX = 0o7777777;
const OCTAL_11_MAX = 0o77777777777;

/** The end mark of a tar. */
export const tarEnd = (): Buffer => Buffer.alloc(2 * TAR_BLOCK_BYTES);

/** The zeros that fill a member's data up to a block. */
export const tarPadding = (sizeBytes: number): Buffer => Buffer.alloc(paddedBytes(sizeBytes) - sizeBytes);

/**
 * A member's header: ustar, preceded by a PAX header for what ustar cannot say (long or non-ASCII names, large numbers,
 * fractions of seconds, xattrs). The same fields give the same bytes, always.
 */
export function printTarHeader(fields: TarHeaderFields): Buffer {
  const records = recordsFor(fields);
  const own = printBlock(fields, TYPEFLAGS[fields.type]);
  if (records.length === 0) return own;
  const data = printPaxRecords(records);
  const extension = printBlock({ ...PAX_FIELDS, sizeBytes: data.length }, 'x');
  return Buffer.concat([extension, data, tarPadding(data.length), own]);
}

const PAX_FIELDS: TarHeaderFields = {
  type: 'file',
  name: 'PaxHeaders/entry',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

function recordsFor(fields: TarHeaderFields): PaxRecords {
  const { name, linkName = '', uid, gid, sizeBytes, mtimeSeconds, mtimeNanoseconds, xattrs } = fields;
  const records: Array<readonly [ByteString, ByteString]> = [];
  if (!fits(name)) records.push(['path', name]);
  if (!fits(linkName)) records.push(['linkpath', linkName]);
  if (uid > OCTAL_7_MAX) records.push(['uid', String(uid)]);
  if (gid > OCTAL_7_MAX) records.push(['gid', String(gid)]);
  if (sizeBytes > OCTAL_11_MAX) records.push(['size', String(sizeBytes)]);
  if (mtimeNanoseconds !== 0 || mtimeSeconds < 0 || mtimeSeconds > OCTAL_11_MAX) {
    records.push(['mtime', printPaxTime({ seconds: mtimeSeconds, nanoseconds: mtimeNanoseconds })]);
  }
  const sorted = [...(xattrs ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of sorted) records.push([`SCHILY.xattr.${key}`, byteStringOf(value)]);
  return records;
}

const fits = (name: ByteString): boolean => name.length <= 100 && /^[\x20-\x7e]*$/.test(name);

function printBlock(fields: TarHeaderFields, typeflag: string): Buffer {
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  const mtime = fields.mtimeSeconds < 0 || fields.mtimeSeconds > OCTAL_11_MAX ? 0 : fields.mtimeSeconds;
  block.write(fields.name.slice(0, 100), 0, 'latin1');
  octal(block, 100, 8, fields.mode);
  octal(block, 108, 8, fields.uid > OCTAL_7_MAX ? 0 : fields.uid);
  octal(block, 116, 8, fields.gid > OCTAL_7_MAX ? 0 : fields.gid);
  octal(block, 124, 12, fields.sizeBytes > OCTAL_11_MAX ? 0 : fields.sizeBytes);
  octal(block, 136, 12, mtime);
  block.fill(0x20, 148, 156);
  block.write(typeflag, 156, 'latin1');
  block.write((fields.linkName ?? '').slice(0, 100), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write((fields.userName ?? '').slice(0, 31), 265, 'latin1');
  block.write((fields.groupName ?? '').slice(0, 31), 297, 'latin1');
  octal(block, 329, 8, fields.major ?? 0);
  octal(block, 337, 8, fields.minor ?? 0);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
}
