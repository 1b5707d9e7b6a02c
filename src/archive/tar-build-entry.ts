import { type ByteString, bytesOf, quote } from './byte-string.ts';
import { type PaxRecords, parsePaxNumber, parsePaxTime, type TarTime } from './pax.ts';
import {
  corruptTar,
  paddedBytes,
  type SparseSegment,
  type TarEntry,
  type TarEntryType,
  type TarLimits,
} from './tar-entry.ts';
import type { RawHeader } from './tar-header.ts';
import { parseSparseList, placeSegments, type SparsePair } from './tar-sparse.ts';

/** What extension headers said about the next entry. */
export interface Overrides {
  longName?: ByteString;
  longLink?: ByteString;
  records?: PaxRecords;
}

export interface EntryParts {
  readonly header: RawHeader;
  readonly headerOffset: number;
  /** Where the data begin, after a sparse map that precedes them. */
  readonly dataOffset: number;
  /** Bytes of that map. */
  readonly mapBytes: number;
  readonly map: readonly SparsePair[] | undefined;
  readonly oldSparseSizeBytes: number | undefined;
  readonly overrides: Overrides;
  readonly globals: ReadonlyMap<ByteString, ByteString>;
  readonly limits: TarLimits;
}

const UID_MAX = 0xffff_fffe;
const XATTR_KEY = 'SCHILY.xattr.';

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** Applies extension records to a header. Throws data-loss for values that no file could have. */
export function buildTarEntry(parts: EntryParts): TarEntry {
  const { header, overrides, globals, limits } = parts;
  const records = mergeRecords(globals, overrides.records ?? []);
  const name = records.get('GNU.sparse.name') ?? records.get('path') ?? overrides.longName ?? header.name;
  const linkName = records.get('linkpath') ?? overrides.longLink ?? header.linkName;
  checkName(name, limits);
  checkName(linkName, limits);
  const type = typeOf(header.typeflag, name);
  const mtime = timeOf(records.get('mtime'), header.mtimeSeconds);
  const owner = {
    uid: idOf(records, 'uid', header.uid, name),
    gid: idOf(records, 'gid', header.gid, name),
    userName: records.get('uname') ?? header.userName,
    groupName: records.get('gname') ?? header.groupName,
  };
  return {
    type,
    name,
    linkName: type === 'link' || type === 'symlink' ? linkName : '',
    mode: header.mode & 0o7777,
    ...owner,
    mtimeSeconds: mtime.seconds,
    mtimeNanoseconds: mtime.nanoseconds,
    ...deviceOf(type, header, name),
    xattrs: xattrsOf(records),
    headerOffset: parts.headerOffset,
    ...(type === 'file' ? fileData(parts, records, name) : noData(parts.dataOffset)),
  };
}

/** Local records override global ones; an empty value takes a record back. */
function mergeRecords(globals: ReadonlyMap<ByteString, ByteString>, local: PaxRecords): Map<ByteString, ByteString> {
  const merged = new Map(globals);
  const map: ByteString[] = [];
  for (const [key, value] of local) {
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') map.push(value);
    else if (value === '' && !key.startsWith(XATTR_KEY)) merged.delete(key);
    else merged.set(key, value);
  }
  if (map.length > 0) merged.set('GNU.sparse.map', map.join(','));
  return merged;
}

function checkName(name: ByteString, { maxNameBytes }: TarLimits): void {
  if (name.length > maxNameBytes) {
    throw corruptTar(`a name of ${name.length} bytes (${quote(name.slice(0, 60))}…); the limit is ${maxNameBytes}`);
  }
}

function typeOf(typeflag: string, name: ByteString): TarEntryType {
  const type = TYPES[typeflag];
  if (type === undefined) throw corruptTar(`entry ${quote(name)} has the unknown type ${JSON.stringify(typeflag)}`);
  // Archives from before POSIX mark directories by their name only.
  return type === 'file' && name.endsWith('/') ? 'directory' : type;
}

function timeOf(record: ByteString | undefined, seconds: number): TarTime {
  return record === undefined ? { seconds, nanoseconds: 0 } : parsePaxTime(record);
}

function idOf(
  records: ReadonlyMap<ByteString, ByteString>,
  key: 'uid' | 'gid',
  plain: number,
  name: ByteString,
): number {
  const record = records.get(key);
  const id = record === undefined ? plain : parsePaxNumber(key, record);
  if (id < 0 || id > UID_MAX) throw corruptTar(`entry ${quote(name)} has the ${key} ${id}; 0 to ${UID_MAX} expected`);
  return id;
}

function deviceOf(type: TarEntryType, header: RawHeader, name: ByteString): { major: number; minor: number } {
  if (type !== 'char' && type !== 'block') return { major: 0, minor: 0 };
  const { major, minor } = header;
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xf_ffff) {
    throw corruptTar(`entry ${quote(name)} is the device ${major}:${minor}; at most 4095:1048575 expected`);
  }
  return { major, minor };
}

function xattrsOf(records: ReadonlyMap<ByteString, ByteString>): ReadonlyMap<ByteString, Uint8Array> | undefined {
  let xattrs: Map<ByteString, Uint8Array> | undefined;
  for (const [key, value] of records) {
    if (!key.startsWith(XATTR_KEY)) continue;
    xattrs ??= new Map();
    xattrs.set(key.slice(XATTR_KEY.length), bytesOf(value));
  }
  return xattrs;
}

interface StoredData {
  readonly sizeBytes: number;
  readonly dataOffset: number;
  readonly dataBytes: number;
  readonly sparse: readonly SparseSegment[] | undefined;
}

/** Links, directories and devices have no data, whatever their size field says (some writers put the target's length there). */
const noData = (dataOffset: number): StoredData => ({ sizeBytes: 0, dataOffset, dataBytes: 0, sparse: undefined });

function fileData(parts: EntryParts, records: ReadonlyMap<ByteString, ByteString>, name: ByteString): StoredData {
  const { header, dataOffset, mapBytes } = parts;
  const record = records.get('size');
  const storedBytes = record === undefined ? header.sizeBytes : parsePaxNumber('size', record);
  const dataBytes = storedBytes - mapBytes;
  if (dataBytes < 0 || !Number.isSafeInteger(dataOffset + paddedBytes(storedBytes))) {
    throw corruptTar(`entry ${quote(name)} has the size ${storedBytes}`);
  }
  const list = records.get('GNU.sparse.map');
  const map = parts.map ?? (list === undefined ? undefined : parseSparseList(list === '' ? [] : list.split(',')));
  const declared = records.get('GNU.sparse.realsize') ?? records.get('GNU.sparse.size');
  if (map === undefined) return { sizeBytes: dataBytes, dataOffset, dataBytes, sparse: undefined };
  if (map.length > parts.limits.maxSparseSegments) {
    throw corruptTar(`entry ${quote(name)} has more than ${parts.limits.maxSparseSegments} sparse parts`);
  }
  const sizeBytes =
    declared === undefined ? (parts.oldSparseSizeBytes ?? dataBytes) : parsePaxNumber('GNU.sparse.size', declared);
  return { sizeBytes, dataOffset, dataBytes, sparse: placeSegments(map, sizeBytes, dataOffset, dataBytes) };
}
