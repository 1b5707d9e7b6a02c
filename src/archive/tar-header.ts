import type { ByteString } from './byte-string.ts';
import { corruptTar, TAR_BLOCK_BYTES } from './tar-entry.ts';

/** The fields of one 512-byte header as they stand there. Source: POSIX pax, "ustar Interchange Format", and GNU's manual. */
export interface RawHeader {
  readonly typeflag: string;
  readonly name: ByteString;
  readonly linkName: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly userName: ByteString;
  readonly groupName: ByteString;
  readonly major: number;
  readonly minor: number;
}

const CHECKSUM_START = 148;
const CHECKSUM_END = 156;

export function isZeroBlock(block: Buffer): boolean {
  for (let i = 0; i < TAR_BLOCK_BYTES; i++) if (block[i] !== 0) return false;
  return true;
}

/** Throws data-loss where the checksum or a number is wrong. `offset` is for the message. */
export function parseHeader(block: Buffer, offset: number): RawHeader {
  verifyChecksum(block, offset);
  const magic = block.toString('latin1', 257, 265);
  const isUstar = magic === 'ustar\x0000';
  const isGnu = magic === 'ustar  \0';
  const name = field(block, 0, 100);
  const prefix = isUstar ? field(block, 345, 155) : '';
  return {
    typeflag: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: field(block, 157, 100),
    mode: parseNumber(block, 100, 8, 'mode', offset),
    uid: parseNumber(block, 108, 8, 'uid', offset),
    gid: parseNumber(block, 116, 8, 'gid', offset),
    sizeBytes: parseNumber(block, 124, 12, 'size', offset),
    mtimeSeconds: parseNumber(block, 136, 12, 'mtime', offset),
    userName: isUstar || isGnu ? field(block, 265, 32) : '',
    groupName: isUstar || isGnu ? field(block, 297, 32) : '',
    major: isUstar || isGnu ? parseNumber(block, 329, 8, 'device', offset) : 0,
    minor: isUstar || isGnu ? parseNumber(block, 337, 8, 'device', offset) : 0,
  };
}

/** Unsigned sum as POSIX says; some old writers summed signed bytes. */
function verifyChecksum(block: Buffer, offset: number): void {
  // The checksum's own field counts as blanks. This loop is what scanning a tar costs: keep it free of branches.
  let unsigned = 0x20 * (CHECKSUM_END - CHECKSUM_START);
  let high = 0;
  for (let i = 0; i < TAR_BLOCK_BYTES; i++) {
    const byte = block[i] as number;
    unsigned += byte;
    high += byte >> 7;
  }
  for (let i = CHECKSUM_START; i < CHECKSUM_END; i++) {
    const byte = block[i] as number;
    unsigned -= byte;
    high -= byte >> 7;
  }
  const stated = parseNumber(block, CHECKSUM_START, 8, 'checksum', offset);
  if (stated !== unsigned && stated !== unsigned - 256 * high) {
    throw corruptTar(`header at byte ${offset} has checksum ${stated}, computed ${unsigned}`);
  }
}

function field(block: Buffer, start: number, length: number): ByteString {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end === -1 || end > start + length ? start + length : end);
}

/** Octal digits between optional spaces and NULs, or, with the top bit set, a big-endian two's complement number. */
export function parseNumber(block: Buffer, start: number, length: number, what: string, offset: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) return parseBinary(block, start, length, what, offset);
  let value = 0;
  let at = start;
  const end = start + length;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  for (; at < end; at++) {
    const byte = block[at] ?? 0;
    if (byte === 0 || byte === 0x20) break;
    if (byte < 0x30 || byte > 0x37) {
      throw corruptTar(`${what} in the header at byte ${offset} is not an octal number`);
    }
    value = value * 8 + (byte - 0x30);
  }
  return value;
}

function parseBinary(block: Buffer, start: number, length: number, what: string, offset: number): number {
  const first = block[start] ?? 0;
  const negative = (first & 0x40) !== 0;
  // 0x80 only marks the encoding; the sign is the next bit.
  let value = negative ? (first & 0x7f) - 0x80 : first & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + (block[start + i] ?? 0);
  if (!Number.isSafeInteger(value)) {
    throw corruptTar(`${what} in the header at byte ${offset} is out of range`);
  }
  return value;
}
