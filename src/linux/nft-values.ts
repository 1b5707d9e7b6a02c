import { isIPv4, isIPv6 } from 'node:net';
import { EngineError } from '#/base/errors.ts';

/** Values of nftables' types as the kernel compares them: network order; in concatenations each padded to four bytes. */

export const ifnameValue = (name: string): Buffer => Buffer.alloc(16, 0).fill(name, 0, Buffer.byteLength(name));
export const etherValue = (address: string): Buffer => Buffer.from(address.replaceAll(':', ''), 'hex');
export const portValue = (port: number): Buffer => Buffer.of(port >> 8, port & 255);
export const protocolValue = (protocol: 'tcp' | 'udp' | 'sctp'): Buffer => Buffer.of(PROTOCOL_NUMBERS[protocol]);
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

/** 4 bytes of an IPv4 address, 16 of an IPv6 one. Throws invalid-argument. */
export function addressValue(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!isIPv6(text)) throw new EngineError('invalid-argument', `invalid address ${JSON.stringify(text)}`);
  // The URL parser turns a dotted tail into groups.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

export const concatValues = (...values: readonly Uint8Array[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.concat([value, Buffer.alloc(-value.length & 3)])));
