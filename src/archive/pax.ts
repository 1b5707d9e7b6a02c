import { type ByteString, byteStringOfText, bytesOf, quote } from './byte-string.ts';
import { corruptTar } from './tar-entry.ts';

/** Records of a PAX extended header, in order. Repeated keys stay (GNU's sparse format 0.0 repeats them). */
export type PaxRecords = ReadonlyArray<readonly [key: ByteString, value: ByteString]>;

/** Parses `<length> <key>=<value>\n` records. Source: POSIX pax, "pax Extended Header". */
export function parsePaxRecords(data: Buffer): PaxRecords {
  const records: Array<readonly [ByteString, ByteString]> = [];
  let at = 0;
  while (at < data.length && data[at] !== 0) {
    const space = data.indexOf(0x20, at);
    if (space === -1 || space - at > 10) throw corruptTar('a PAX record has no length');
    const digits = data.toString('latin1', at, space);
    const end = at + Number(digits);
    if (!/^\d+$/.test(digits) || end > data.length || end <= space + 1 || data[end - 1] !== 0x0a) {
      throw corruptTar(`a PAX record has the wrong length ${quote(digits)}`);
    }
    const equals = data.indexOf(0x3d, space + 1);
    if (equals === -1 || equals >= end - 1) throw corruptTar('a PAX record has no "="');
    records.push([data.toString('latin1', space + 1, equals), data.toString('latin1', equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** The inverse of `parsePaxRecords`. */
export function printPaxRecords(records: PaxRecords): Buffer {
  return Buffer.concat(
    records.map(([key, value]) => {
      const rest = key.length + value.length + 3;
      let length = rest + String(rest).length;
      if (length !== rest + String(length).length) length = rest + String(length).length;
      return bytesOf(`${length} ${key}=${value}\n`);
    }),
  );
}

export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A PAX time such as `-1.5`, exactly: rounded down to whole seconds plus nanoseconds. */
export function parsePaxTime(value: ByteString): TarTime {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(value);
  if (match === null) throw corruptTar(`${quote(value)} is not a time`);
  const whole = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] !== '-') return { seconds: whole, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - whole, nanoseconds }
    : { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** The inverse of `parsePaxTime`. */
export function printPaxTime({ seconds, nanoseconds }: TarTime): ByteString {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0;
  const whole = negative ? -seconds - 1 : seconds;
  const fraction = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return byteStringOfText(`${negative ? '-' : ''}${whole}.${digits}`);
}

/** A PAX decimal number of at most 2^53; negative only for what may be. */
export function parsePaxNumber(key: ByteString, value: ByteString): number {
  const number = Number(value);
  if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(number)) {
    throw corruptTar(`PAX ${quote(key)} has the value ${quote(value)}: a whole number below 2^53 expected`);
  }
  return number;
}
