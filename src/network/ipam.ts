import { createHash, randomBytes } from 'node:crypto';
import { EngineError } from '#/base/errors.ts';
import {
  addressBytes,
  bitsOf,
  blockAfter,
  blockContains,
  blocksOverlap,
  type IpAddress,
  type IpBlock,
  type IpVersion,
  lastOfBlock,
  parseIp,
  parseIpBlock,
  printIp,
} from '#/base/ip.ts';
import type { IpamPool } from './network.ts';

/** A block that is cut into subnets with prefixes of `size` bits. */
export interface AddressPool {
  readonly base: string;
  readonly size: number;
}

/** Where networks come from that are made without a subnet; in this order, like Docker's. */
export const DEFAULT_ADDRESS_POOLS: readonly AddressPool[] = [
  ...Array.from({ length: 15 }, (_, i) => ({ base: `172.${17 + i}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

const ULA_PREFIX = 'fd';
const ULA_GLOBAL_ID_HEX_DIGITS = 10;

/** A /48 of unique local addresses (RFC 4193), cut into /64: always the same for a seed, hardly ever that of another. */
export function uniqueLocalPool(seed: string): AddressPool {
  const globalId = createHash('sha256').update(seed).digest('hex').slice(0, ULA_GLOBAL_ID_HEX_DIGITS);
  const digits = `${ULA_PREFIX}${globalId}`;
  return { base: `${digits.slice(0, 4)}:${digits.slice(4, 8)}:${digits.slice(8, 12)}::/48`, size: 64 };
}

/** Throws invalid-argument for a pool that cannot be cut. */
export function checkAddressPool({ base, size }: AddressPool): void {
  const { version, prefixLength } = parseIpBlock(base);
  if (!Number.isInteger(size) || size < prefixLength || size > bitsOf(version) - 2) {
    throw new EngineError('invalid-argument', `address pool ${base} cannot be cut into subnets of /${size}`);
  }
}

/** The pools, and with them the defaults, which are of one version, where none of the pools is of theirs. */
export function withDefaultPools(
  pools: readonly AddressPool[],
  defaults: readonly AddressPool[],
): readonly AddressPool[] {
  const versions = new Set(pools.map(({ base }) => parseIpBlock(base).version));
  return defaults.some(({ base }) => versions.has(parseIpBlock(base).version)) ? pools : [...pools, ...defaults];
}

/** The first subnet of the pools that overlaps nothing in `taken`. Throws resource-exhausted, with Docker's text. */
export function chooseSubnet(pools: readonly AddressPool[], version: IpVersion, taken: readonly IpBlock[]): IpBlock {
  for (const { base, size } of pools) {
    const pool = parseIpBlock(base);
    if (pool.version !== version) continue;
    let subnet: IpBlock = { ...pool, prefixLength: size };
    while (blockContains(pool, { version, value: subnet.base })) {
      const hindrance = taken.find((other) => blocksOverlap(subnet, other));
      if (hindrance === undefined) return subnet;
      subnet = after(subnet, hindrance);
    }
  }
  throw new EngineError('resource-exhausted', 'all predefined address pools have been fully subnetted');
}

/** The next subnet beyond one that is taken, which may be far larger. */
function after(subnet: IpBlock, hindrance: IpBlock): IpBlock {
  const size = lastOfBlock(subnet) - subnet.base + 1n;
  const covered = (lastOfBlock(hindrance) - subnet.base) / size + 1n;
  return blockAfter(subnet, covered);
}

export interface AddressRequest {
  readonly networkName: string;
  readonly version: IpVersion;
  /** Of that version; in this order. */
  readonly pools: readonly IpamPool[];
  /** Held by others, as printed. */
  readonly used: ReadonlySet<string>;
  /** Given back a moment ago: the interface may still be answering. Taken only when nothing else is left. */
  readonly resting: ReadonlySet<string>;
  readonly wanted: string | undefined;
}

export interface ChosenAddress {
  readonly address: string;
  readonly pool: IpamPool;
}

/** The wanted address, or the lowest that is free. Throws with Docker's texts: conflict, or resource-exhausted. */
export function allocateAddress(request: AddressRequest): ChosenAddress {
  if (request.wanted !== undefined) return takeWanted(request, parseIp(request.wanted));
  let fallback: ChosenAddress | undefined;
  for (const pool of request.pools) {
    const reserved = reservedIn(pool);
    for (const address of addressesOf(pool)) {
      if (reserved.has(address) || request.used.has(address)) continue;
      if (!request.resting.has(address)) return { address, pool };
      fallback ??= { address, pool };
    }
  }
  if (fallback !== undefined) return fallback;
  throw new EngineError(
    'resource-exhausted',
    `no available IPv${request.version} addresses on this network's address pools: ${request.networkName}`,
  );
}

function takeWanted({ pools, used }: AddressRequest, wanted: IpAddress): ChosenAddress {
  const address = printIp(wanted);
  const pool = pools.find(({ subnet }) => isUsable(parseIpBlock(subnet), wanted));
  if (pool === undefined) {
    throw new EngineError('invalid-argument', `no configured subnet or ip-range contain the IP address ${address}`);
  }
  if (reservedIn(pool).has(address) || used.has(address)) throw new EngineError('conflict', 'Address already in use');
  return { address, pool };
}

const reservedIn = ({ gateway, auxAddresses }: IpamPool): ReadonlySet<string> =>
  new Set([gateway, ...Object.values(auxAddresses ?? {})]);

/** Not the network's own address (in IPv6 that of all its routers), nor broadcast. */
function isUsable(subnet: IpBlock, address: IpAddress): boolean {
  if (!blockContains(subnet, address)) return false;
  if (bitsOf(subnet.version) - subnet.prefixLength < 2) return true;
  return address.value !== subnet.base && (subnet.version === 6 || address.value !== lastOfBlock(subnet));
}

function* addressesOf({ subnet, ipRange }: IpamPool): Generator<string> {
  const whole = parseIpBlock(subnet);
  const range = parseIpBlock(ipRange ?? subnet);
  const { version } = whole;
  const last = lastOfBlock(range);
  for (let value = range.base; value <= last; value++) {
    if (isUsable(whole, { version, value })) yield printIp({ version, value });
  }
}

/** A locally administered MAC address that follows from the IPv4 address, so that reuse of one is reuse of both. */
export const macOfAddress = (address: string): string => printMac(Buffer.concat([MAC_PREFIX, addressBytes(address)]));

export const randomMacAddress = (): string => printMac(Buffer.concat([MAC_PREFIX, randomBytes(4)]));

const MAC_PREFIX = Buffer.of(0x02, 0x42);
const printMac = (bytes: Buffer): string => (bytes.toString('hex').match(/../g) ?? []).join(':');

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** Throws invalid-argument, with Docker's text, for what is no unicast Ethernet address. */
export function parseMacAddress(text: string): string {
  const firstByte = Number.parseInt(text.slice(0, 2), 16);
  if (!MAC.test(text) || (firstByte & 1) === 1) {
    throw new EngineError('invalid-argument', `invalid MAC address: ${text}`);
  }
  return text.toLowerCase().replaceAll('-', ':');
}
