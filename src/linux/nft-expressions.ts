import { bytesAttribute, nestedAttribute, textAttribute, writeU32 } from './netlink.ts';
import { listElement, bigEndianAttribute as u32 } from './nfnetlink.ts';

/**
 * What rules are made of, in the order in which nft itself would write them, so that `nft list ruleset` reads well. A rule
 * ends at the first expression that does not hold. https://wiki.nftables.org (Portal:DeveloperDocs), linux/netfilter/nf_tables.h.
 */
export type NftExpression = Uint8Array;

/** A part of a packet, or something known about it, that can be loaded for a comparison. */
export interface NftField {
  readonly sizeBytes: number;
  load(register: number): NftExpression;
}

/** The kernel's registers of four bytes each begin here; a load takes as many as it needs. */
const FIRST_REGISTER = 8;
const VERDICT_REGISTER = 0;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const CMP_EQUAL = 0;
const CMP_DIFFERENT = 1;
const LOOKUP_INVERTED = 1;

const expression = (name: string, ...attributes: readonly Uint8Array[]): Buffer =>
  listElement(textAttribute(1, name), nestedAttribute(2, ...attributes));
const value = (bytes: Uint8Array): Buffer => bytesAttribute(NFTA_DATA_VALUE, bytes);

/** Numbers that the kernel itself made (marks, states) are in its own byte order. */
export function hostU32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  writeU32(bytes, number, 0);
  return bytes;
}

const meta = (key: number, sizeBytes: number): NftField => ({
  sizeBytes,
  load: (register) => expression('meta', u32(1, register), u32(2, key)),
});
const payload = (base: number, offset: number, sizeBytes: number): NftField => ({
  sizeBytes,
  load: (register) => expression('payload', u32(1, register), u32(2, base), u32(3, offset), u32(4, sizeBytes)),
});
const conntrack = (key: number): NftField => ({
  sizeBytes: 4,
  load: (register) => expression('ct', u32(1, register), u32(2, key)),
});
const FIB_DESTINATION = 2;
const FIB_IN_INTERFACE = 8;
const fibAddressType = (flags: number): NftField => ({
  sizeBytes: 4,
  load: (register) => expression('fib', u32(1, register), u32(2, 3), u32(3, flags)),
});

export const ETHER_TYPE = meta(1, 2);
export const MARK = meta(3, 4);
export const IN_NAME = meta(6, 16);
export const OUT_NAME = meta(7, 16);
const FAMILY = meta(15, 1);
export const PROTOCOL = meta(16, 1);
export const ETHER_SOURCE = payload(0, 6, 6);
export const ARP_HEADER = payload(1, 0, 6);
export const ARP_SOURCE_MAC = payload(1, 8, 6);
export const ARP_SOURCE_IP = payload(1, 14, 4);
export const IP_SOURCE = payload(1, 12, 4);
export const IP_DESTINATION = payload(1, 16, 4);
export const IP6_SOURCE = payload(1, 8, 16);
export const IP6_DESTINATION = payload(1, 24, 16);
export const SOURCE_PORT = payload(2, 0, 2);
export const DESTINATION_PORT = payload(2, 2, 2);
export const ICMP_TYPE = payload(2, 0, 1);
/** Whose link-layer address a neighbour solicitation or advertisement is about. */
export const ND_TARGET = payload(2, 8, 16);
export const CT_STATE = conntrack(0);
export const CT_STATUS = conntrack(2);
/** What the destination is to the host: local, unicast, … */
export const DESTINATION_TYPE = fibAddressType(FIB_DESTINATION);
/** The same to the interface through which the packet came. */
export const DESTINATION_TYPE_HERE = fibAddressType(FIB_DESTINATION | FIB_IN_INTERFACE);
export const LOCAL = hostU32(2);

const compare = (field: NftField, op: number, bytes: Uint8Array): readonly NftExpression[] => [
  field.load(FIRST_REGISTER),
  expression('cmp', u32(1, FIRST_REGISTER), u32(2, op), nestedAttribute(3, value(bytes))),
];

export const equals = (field: NftField, bytes: Uint8Array): readonly NftExpression[] =>
  compare(field, CMP_EQUAL, bytes);
export const differs = (field: NftField, bytes: Uint8Array): readonly NftExpression[] =>
  compare(field, CMP_DIFFERENT, bytes);

const masked = (field: NftField, mask: Uint8Array): readonly NftExpression[] => [
  field.load(FIRST_REGISTER),
  expression(
    'bitwise',
    u32(1, FIRST_REGISTER),
    u32(2, FIRST_REGISTER),
    u32(3, mask.length),
    nestedAttribute(4, value(mask)),
    nestedAttribute(5, value(Buffer.alloc(mask.length))),
  ),
];

/** The bits under the mask are exactly these; by default all of them. Also a prefix: 127.0.0.0 under 255.0.0.0. */
export const equalsUnder = (field: NftField, mask: Uint8Array, bytes = mask): readonly NftExpression[] => [
  ...masked(field, mask),
  expression('cmp', u32(1, FIRST_REGISTER), u32(2, CMP_EQUAL), nestedAttribute(3, value(bytes))),
];

/** At least one bit under the mask is set. */
export const hasAnyOf = (field: NftField, mask: Uint8Array): readonly NftExpression[] => [
  ...masked(field, mask),
  expression(
    'cmp',
    u32(1, FIRST_REGISTER),
    u32(2, CMP_DIFFERENT),
    nestedAttribute(3, value(Buffer.alloc(mask.length))),
  ),
];

/** Sets the mark's bits under the mask and leaves the others. */
export const setMark = (bits: number): readonly NftExpression[] => [
  MARK.load(FIRST_REGISTER),
  expression(
    'bitwise',
    u32(1, FIRST_REGISTER),
    u32(2, FIRST_REGISTER),
    u32(3, 4),
    nestedAttribute(4, value(hostU32(~bits))),
    nestedAttribute(5, value(hostU32(bits))),
  ),
  expression('meta', u32(2, 3), u32(3, FIRST_REGISTER)),
];

function loadAll(fields: readonly NftField[]): readonly NftExpression[] {
  let register = FIRST_REGISTER;
  return fields.map((field) => {
    const load = field.load(register);
    register += Math.ceil(field.sizeBytes / 4);
    return load;
  });
}

/** The fields together are an element of the set. */
export const isIn = (set: string, ...fields: readonly NftField[]): readonly NftExpression[] => [
  ...loadAll(fields),
  expression('lookup', textAttribute(1, set), u32(2, FIRST_REGISTER)),
];
export const isNotIn = (set: string, ...fields: readonly NftField[]): readonly NftExpression[] => [
  ...loadAll(fields),
  expression('lookup', textAttribute(1, set), u32(2, FIRST_REGISTER), u32(5, LOOKUP_INVERTED)),
];

/** Destination and port become what the map says for the fields: an address, then a port. */
export function dnatBy(map: string, family: 'ip' | 'ip6', ...fields: readonly NftField[]): readonly NftExpression[] {
  const portRegister = FIRST_REGISTER + (family === 'ip' ? 1 : 4);
  return [
    ...loadAll(fields),
    expression('lookup', textAttribute(1, map), u32(2, FIRST_REGISTER), u32(3, FIRST_REGISTER)),
    expression('nat', u32(1, 1), u32(2, NF_FAMILY[family]), u32(3, FIRST_REGISTER), u32(5, portRegister)),
  ];
}
const NF_FAMILY = { ip: 2, ip6: 10 } as const;
export const isFamily = (family: 'ip' | 'ip6'): readonly NftExpression[] =>
  equals(FAMILY, Uint8Array.of(NF_FAMILY[family]));

const CHECKSUM_INET = 1;
const CHECKSUM_OFFSETS = { tcp: 16, udp: 6 } as const;

/** The packet itself gets another port, and its checksum with it; nobody keeps track. The rule has looked at the protocol. */
export const setPort = (
  end: 'source' | 'destination',
  protocol: keyof typeof CHECKSUM_OFFSETS,
  port: number,
): readonly NftExpression[] => [
  expression('immediate', u32(1, FIRST_REGISTER), nestedAttribute(2, value(Buffer.of(port >> 8, port & 255)))),
  expression(
    'payload',
    u32(2, 2),
    u32(3, end === 'source' ? 0 : 2),
    u32(4, 2),
    u32(5, FIRST_REGISTER),
    u32(6, CHECKSUM_INET),
    u32(7, CHECKSUM_OFFSETS[protocol]),
  ),
];

export const MASQUERADE = expression('masq');
export const COUNTER = expression('counter');

const verdict = (code: number, chain?: string): NftExpression =>
  expression(
    'immediate',
    u32(1, VERDICT_REGISTER),
    nestedAttribute(
      2,
      nestedAttribute(NFTA_DATA_VERDICT, u32(1, code), ...(chain === undefined ? [] : [textAttribute(2, chain)])),
    ),
  );
export const DROP = verdict(0);
export const ACCEPT = verdict(1);
export const jumpTo = (chain: string): NftExpression => verdict(-3, chain);
