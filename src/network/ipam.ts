import { EngineError } from '#/base/errors.ts';
import {
  blockContains,
  blocksOverlap,
  type Ipv4Block,
  lastOfBlock,
  parseIpv4Block,
  printIpv4,
  printIpv4Block,
} from '#/base/ipv4.ts';

/** Where networks come from that are made without a subnet; in this order, like Docker's. */
export const DEFAULT_ADDRESS_POOLS: readonly AddressPool[] = [
  ...Array.from({ length: 15 }, (_, i) => ({ base: `172.${17 + i}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

/** A block that is cut into subnets with prefixes of `size` bits. */
export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

/** The first subnet of the pools that overlaps nothing in `taken`. Throws resource-exhausted, with Docker's text. */
export function chooseSubnet(pools: readonly AddressPool[], taken: readonly Ipv4Block[]): Ipv4Block {
  for (const { base, size } of pools) {
    const pool = parseIpv4Block(base);
    if (size < pool.prefixLength || size > 30) {
      throw new EngineError('invalid-argument', `address pool ${base} cannot be cut into subnets of /${size}`);
    }
    const stepAddresses = 2 ** (32 - size);
    for (let start = pool.base; start <= lastOfBlock(pool); start += stepAddresses) {
      const subnet = { base: start, prefixLength: size };
      if (!taken.some((other) => blocksOverlap(subnet, other))) return subnet;
    }
  }
  throw new EngineError(
    'resource-exhausted',
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
  );
}

export interface AddressRequest {
  readonly networkName: string;
  readonly subnet: Ipv4Block;
  readonly gateway: number;
  /** Held by others. */
  readonly used: ReadonlySet<number>;
  /** Given back a moment ago: the interface may still be answering. Taken only when nothing else is left. */
  readonly resting: ReadonlySet<number>;
  readonly wanted: number | undefined;
}

/** The wanted address, or the lowest that is free. Throws with Docker's texts: conflict, or resource-exhausted. */
export function allocateAddress({ networkName, subnet, gateway, used, resting, wanted }: AddressRequest): number {
  const first = subnet.base + 1;
  const last = lastOfBlock(subnet) - 1;
  if (wanted !== undefined) {
    if (!blockContains(subnet, wanted) || wanted < first || wanted > last) {
      throw new EngineError(
        'invalid-argument',
        `no configured subnet contains IP address ${printIpv4(wanted)}: ${networkName} has ${printIpv4Block(subnet)}`,
      );
    }
    if (wanted === gateway || used.has(wanted)) throw new EngineError('conflict', 'Address already in use');
    return wanted;
  }
  let fallback: number | undefined;
  for (let address = first; address <= last; address++) {
    if (address === gateway || used.has(address)) continue;
    if (!resting.has(address)) return address;
    fallback ??= address;
  }
  if (fallback !== undefined) return fallback;
  throw new EngineError(
    'resource-exhausted',
    `no available IPv4 addresses on this network's address pools: ${networkName}`,
  );
}

/** A locally administered MAC address that follows from the IPv4 address, so that reuse of one is reuse of both. */
export const macOfAddress = (address: number): string =>
  `02:42:${printIpv4(address)
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** Throws invalid-argument, with Docker's text, for what is no unicast Ethernet address. */
export function parseMacAddress(text: string): string {
  const firstByte = Number.parseInt(text.slice(0, 2), 16);
  if (!MAC.test(text) || (firstByte & 1) === 1) {
    throw new EngineError('invalid-argument', `invalid MAC address: ${text}`);
  }
  return text.toLowerCase();
}
