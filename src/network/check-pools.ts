import { isIP } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import { blockContains, type IpBlock, parseIp, parseIpBlock, printIp, printIpBlock } from '#/base/ip.ts';
import type { NetworkSpec } from './network.ts';

export type PoolSpec = NetworkSpec['ipam'][number];

/** Throws invalid-argument that lists, in Docker's words, all that is wrong with what was asked for. */
export function checkPools(pools: readonly PoolSpec[], enableIpv6: boolean): void {
  const faults = pools.flatMap((pool) => faultsOf(pool, enableIpv6));
  if (faults.length > 0) throw new EngineError('invalid-argument', `invalid network config:\n${faults.join('\n')}`);
}

function faultsOf({ subnet = '', ipRange, gateway, auxAddresses }: PoolSpec, enableIpv6: boolean): readonly string[] {
  const parent = tryParseBlock(subnet);
  if (parent === undefined) return [`invalid subnet ${subnet}: invalid CIDR block notation`];
  if (parent.version === 6 && !enableIpv6) return [];
  return [
    ...faultsOfBlock('subnet', subnet, parent),
    ...(ipRange ? faultsOfRange(ipRange, parent) : []),
    ...(gateway ? faultsOfAddress('gateway', gateway, parent) : []),
    ...Object.values(auxAddresses ?? {}).flatMap((address) => faultsOfAddress('auxiliary address', address, parent)),
  ];
}

function faultsOfBlock(what: string, text: string, block: IpBlock): readonly string[] {
  const [address = ''] = text.split('/');
  const exact = parseIp(address).value === block.base;
  return exact ? [] : [`invalid ${what} ${text}: it should be ${printIpBlock(block)}`];
}

function faultsOfRange(text: string, parent: IpBlock): readonly string[] {
  const range = tryParseBlock(text);
  const invalid = (why: string) => [`invalid ip-range ${text}: ${why}`];
  if (range === undefined) return invalid('invalid CIDR block notation');
  if (range.version !== parent.version) return invalid(`parent subnet is an IPv${parent.version} block`);
  if (range.prefixLength < parent.prefixLength) {
    return invalid(`CIDR block is bigger than its parent subnet ${printIpBlock(parent)}`);
  }
  const inside = blockContains(parent, { version: range.version, value: range.base });
  return [
    ...faultsOfBlock('ip-range', text, range),
    ...(inside ? [] : invalid(`parent subnet ${printIpBlock(parent)} doesn't contain ip-range`)),
  ];
}

function faultsOfAddress(what: string, text: string, parent: IpBlock): readonly string[] {
  const invalid = (why: string) => [`invalid ${what} ${text}: ${why}`];
  if (isIP(text) === 0) return invalid('invalid address');
  const address = parseIp(text);
  if (address.version !== parent.version) return invalid(`parent subnet is an IPv${parent.version} block`);
  if (blockContains(parent, address)) return [];
  return invalid(`parent subnet ${printIpBlock(parent)} doesn't contain this address`);
}

function tryParseBlock(text: string): IpBlock | undefined {
  try {
    return parseIpBlock(text);
  } catch {
    return undefined;
  }
}

/** As the kernel prints it; '' stays. */
export const canonicalAddress = (text: string | undefined): string => (text ? printIp(parseIp(text)) : '');
