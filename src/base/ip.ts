import { isIPv4, isIPv6 } from 'node:net';
import { EngineError } from './errors.ts';

export type IpVersion = 4 | 6;

/** `value` is the address as an unsigned number, so that ranges are arithmetic. */
export interface IpAddress {
  readonly version: IpVersion;
  readonly value: bigint;
}

/** A block of addresses: `base` is its lowest. */
export interface IpBlock {
  readonly version: IpVersion;
  readonly base: bigint;
  readonly prefixLength: number;
}

export const bitsOf = (version: IpVersion): number => (version === 4 ? 32 : 128);

/** `172.17.0.2`, `fd00::2`. Throws invalid-argument; a zone (`%eth0`) is no part of an address. */
export function parseIp(text: string): IpAddress {
  if (isIPv4(text)) return { version: 4, value: ipv4Value(text) };
  if (!isIPv6(text) || text.includes('%')) {
    throw new EngineError('invalid-argument', `invalid IP address ${JSON.stringify(text)}`);
  }
  return { version: 6, value: ipv6Value(text) };
}

const ipv4Value = (text: string): bigint => text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);

function ipv6Value(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const zeros = Array<bigint>(8 - before.length - after.length).fill(0n);
  return [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | group, 0n);
}

/** A dotted tail (`::ffff:1.2.3.4`) is two groups. */
function groupsOf(part: string): readonly bigint[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const value = ipv4Value(group);
    return [value >> 16n, value & 0xffffn];
  });
}

/** As the kernel prints it; IPv6 as RFC 5952 has it. */
export function printIp({ version, value }: IpAddress): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const longest = longestZeros(groups);
  if (longest.length < 2) return groups.join(':');
  return `${groups.slice(0, longest.start).join(':')}::${groups.slice(longest.start + longest.length).join(':')}`;
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === '0') end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}

/** 4 or 16 bytes in network order. Throws invalid-argument. */
export function addressBytes(text: string): Buffer {
  const { version, value } = parseIp(text);
  return Buffer.from(value.toString(16).padStart(bitsOf(version) / 4, '0'), 'hex');
}

/** The inverse of `addressBytes`. */
export const ipOfBytes = (bytes: Uint8Array): IpAddress => ({
  version: bytes.length === 4 ? 4 : 6,
  value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`),
});

const sizeOf = ({ version, prefixLength }: Omit<IpBlock, 'base'>): bigint =>
  1n << BigInt(bitsOf(version) - prefixLength);

/** The block with that prefix in which the address lies. */
export function blockAround({ version, value }: IpAddress, prefixLength: number): IpBlock {
  return { version, base: value - (value % sizeOf({ version, prefixLength })), prefixLength };
}

/** `172.17.0.0/16`, `fd00::/64`; bits below the prefix are dropped. Throws invalid-argument. */
export function parseIpBlock(text: string): IpBlock {
  const [address = '', length = '', ...rest] = text.split('/');
  const version = isIPv4(address) ? 4 : 6;
  const prefixLength = Number(length);
  if (rest.length > 0 || !/^\d{1,3}$/.test(length) || prefixLength > bitsOf(version)) {
    throw new EngineError('invalid-argument', `invalid subnet ${JSON.stringify(text)}: ADDRESS/PREFIX expected`);
  }
  return blockAround(parseIp(address), prefixLength);
}

export const printIpBlock = ({ version, base, prefixLength }: IpBlock): string =>
  `${printIp({ version, value: base })}/${prefixLength}`;

/** The block's highest address. */
export const lastOfBlock = (block: IpBlock): bigint => block.base + sizeOf(block) - 1n;

export const blockContains = (block: IpBlock, { version, value }: IpAddress): boolean =>
  version === block.version && value >= block.base && value <= lastOfBlock(block);

export const blocksOverlap = (a: IpBlock, b: IpBlock): boolean =>
  a.version === b.version && a.base <= lastOfBlock(b) && b.base <= lastOfBlock(a);

/** The `count`-th block after the first of the same size. */
export const blockAfter = (block: IpBlock, count = 1n): IpBlock => ({
  ...block,
  base: block.base + count * sizeOf(block),
});
