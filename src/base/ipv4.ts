import { isIPv4 } from 'node:net';
import { EngineError } from './errors.ts';

/** An IPv4 block: `base` is its lowest address. Addresses are unsigned 32-bit numbers, so that ranges are arithmetic. */
export interface Ipv4Block {
  readonly base: number;
  readonly prefixLength: number;
}

/** `172.17.0.2` → 2886795266. Throws invalid-argument. */
export function parseIpv4(text: string): number {
  if (!isIPv4(text)) throw new EngineError('invalid-argument', `invalid IPv4 address ${JSON.stringify(text)}`);
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

export const printIpv4 = (address: number): string =>
  [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');

/** `172.17.0.0/16`; bits below the prefix are dropped. Throws invalid-argument. */
export function parseIpv4Block(text: string): Ipv4Block {
  const [address = '', length = '', ...rest] = text.split('/');
  const prefixLength = Number(length);
  if (rest.length > 0 || !/^\d{1,2}$/.test(length) || prefixLength > 32 || !isIPv4(address)) {
    throw new EngineError('invalid-argument', `invalid IPv4 subnet ${JSON.stringify(text)}: ADDRESS/0…32 expected`);
  }
  const sizeAddresses = 2 ** (32 - prefixLength);
  return { base: Math.floor(parseIpv4(address) / sizeAddresses) * sizeAddresses, prefixLength };
}

export const printIpv4Block = ({ base, prefixLength }: Ipv4Block): string => `${printIpv4(base)}/${prefixLength}`;

/** The block's highest address. */
export const lastOfBlock = ({ base, prefixLength }: Ipv4Block): number => base + 2 ** (32 - prefixLength) - 1;

export const blockContains = (block: Ipv4Block, address: number): boolean =>
  address >= block.base && address <= lastOfBlock(block);

export const blocksOverlap = (a: Ipv4Block, b: Ipv4Block): boolean =>
  a.base <= lastOfBlock(b) && b.base <= lastOfBlock(a);
