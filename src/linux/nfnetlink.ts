import { bytesAttribute, type NetlinkRequest, NLM_F_CREATE, nestedAttribute, textAttribute } from './netlink.ts';
import { NETLINK_NETFILTER, type NetlinkSocket, openNetlink } from './netlink-socket.ts';

/**
 * Tables of nftables as netlink messages, so that a change needs no process: linux/netfilter/nf_tables.h. Everything that
 * `nftTransaction` carries happens at once, or not at all. Expressions of rules: nft-expressions.ts.
 */

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
export const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_DELRULE = 8;
const NFT_MSG_NEWSET = 9;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;
const NLM_F_APPEND = 0x800;

const NFTA_LIST_ELEM = 1;
/** Of every kind of object. */
export const NFTA_TABLE = 1;
export const NFTA_CHAIN_NAME = 3;
export const NFTA_CHAIN_HOOK = 4;
export const NFTA_CHAIN_POLICY = 5;
export const NFTA_CHAIN_TYPE = 7;
export const NFTA_HOOK_NUMBER = 1;
const NFTA_HOOK_PRIORITY = 2;
export const NFTA_RULE_CHAIN = 2;
export const NFTA_RULE_HANDLE = 3;
export const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_POSITION = 6;
export const NFTA_RULE_USERDATA = 7;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_BYTES = 5;
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_DATA_BYTES = 7;
const NFTA_SET_ID = 10;
const NFTA_SET_USERDATA = 13;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFT_SET_MAP = 8;
const NF_DROP = 0;
const NF_ACCEPT = 1;

/** The kernel's numbers of families, of hooks (those of the ip families and of bridge are the same), and nft's of types. */
const FAMILIES = { inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;
const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const TYPES = {
  ipv4_addr: { id: 7, sizeBytes: 4 },
  ipv6_addr: { id: 8, sizeBytes: 16 },
  ether_addr: { id: 9, sizeBytes: 6 },
  inet_proto: { id: 12, sizeBytes: 1 },
  inet_service: { id: 13, sizeBytes: 2 },
  ifname: { id: 41, sizeBytes: 16 },
} as const;
const TYPE_BITS = 6;

export type NftFamily = keyof typeof FAMILIES;
export const nftFamilyNumber = (family: NftFamily): number => FAMILIES[family];
export const nftFamilyOf = (number: number): NftFamily | undefined =>
  (Object.keys(FAMILIES) as NftFamily[]).find((family) => FAMILIES[family] === number);
export type NftType = keyof typeof TYPES;

export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
}

export interface NftChain {
  readonly name: string;
  /** What makes it a base chain; without it, it is only jumped to. */
  readonly base?: {
    readonly type: 'filter' | 'nat';
    readonly hook: keyof typeof HOOKS;
    readonly priority: number;
    readonly policy: 'accept' | 'drop';
  };
}

/** A set, or a map where it has data. Several types are a concatenation. */
export interface NftSet {
  readonly name: string;
  readonly key: readonly NftType[];
  readonly data?: readonly NftType[];
}

/** Values in network order, each padded to four bytes: see nft-values.ts. */
export interface NftElement {
  readonly key: Uint8Array;
  readonly data?: Uint8Array;
}

export interface NftRule {
  readonly chain: string;
  readonly expressions: readonly Uint8Array[];
  readonly comment?: string;
}

const u32 = (type: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytesAttribute(type, bytes);
};
/** nf_tables has its numbers in network order, unlike rtnetlink. */
export const bigEndianAttribute = u32;

export const listElement = (...parts: readonly Uint8Array[]): Buffer => nestedAttribute(NFTA_LIST_ELEM, ...parts);

/** struct nfgenmsg. */
export const nfHeader = (family: number, resource = 0): Buffer => Buffer.of(family, 0, resource >> 8, resource & 255);

function request(
  attempted: string,
  table: NftTable,
  message: number,
  flags: number,
  ...attributes: readonly Uint8Array[]
): NetlinkRequest {
  return {
    attempted: `${attempted} of the nftables table ${table.family} ${table.name}`,
    type: (NFNL_SUBSYS_NFTABLES << 8) | message,
    flags,
    body: [nfHeader(FAMILIES[table.family]), textAttribute(NFTA_TABLE, table.name), ...attributes],
  };
}

export const addTable = (table: NftTable): NetlinkRequest => request('add', table, NFT_MSG_NEWTABLE, NLM_F_CREATE);

/** Fails where there is none, so add it first where that is not known. */
export const deleteTable = (table: NftTable): NetlinkRequest => request('delete', table, NFT_MSG_DELTABLE, 0);

export const addChain = (table: NftTable, { name, base }: NftChain): NetlinkRequest =>
  request(
    `add the chain ${name}`,
    table,
    NFT_MSG_NEWCHAIN,
    NLM_F_CREATE,
    textAttribute(NFTA_CHAIN_NAME, name),
    ...(base === undefined
      ? []
      : [
          nestedAttribute(
            NFTA_CHAIN_HOOK,
            u32(NFTA_HOOK_NUMBER, HOOKS[base.hook]),
            u32(NFTA_HOOK_PRIORITY, base.priority),
          ),
          u32(NFTA_CHAIN_POLICY, base.policy === 'drop' ? NF_DROP : NF_ACCEPT),
          textAttribute(NFTA_CHAIN_TYPE, base.type),
        ]),
  );

/** Puts the rule before the one with that handle; without it, after all others. */
export const addRule = (
  table: NftTable,
  rule: NftRule,
  { before }: { readonly before?: bigint } = {},
): NetlinkRequest =>
  request(
    `add a rule to the chain ${rule.chain}`,
    table,
    NFT_MSG_NEWRULE,
    NLM_F_CREATE | (before === undefined ? NLM_F_APPEND : 0),
    textAttribute(NFTA_RULE_CHAIN, rule.chain),
    nestedAttribute(NFTA_RULE_EXPRESSIONS, ...rule.expressions),
    ...(before === undefined ? [] : [bytesAttribute(NFTA_RULE_POSITION, bigEndian64(before))]),
    ...(rule.comment === undefined ? [] : [bytesAttribute(NFTA_RULE_USERDATA, printRuleComment(rule.comment))]),
  );

export const deleteRule = (table: NftTable, chain: string, handle: bigint): NetlinkRequest =>
  request(
    `delete a rule from the chain ${chain}`,
    table,
    NFT_MSG_DELRULE,
    0,
    textAttribute(NFTA_RULE_CHAIN, chain),
    bytesAttribute(NFTA_RULE_HANDLE, bigEndian64(handle)),
  );

function bigEndian64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** Where nft keeps a rule's comment: type 0, length, text. */
export const printRuleComment = (comment: string): Buffer => {
  const text = Buffer.from(`${comment}\0`);
  return Buffer.concat([Buffer.of(0, text.length), text]);
};

const padded = (sizeBytes: number): number => (sizeBytes + 3) & ~3;

/** nft's number of a concatenation: six bits for each of its types. A lone type is not padded. */
function typeOf(types: readonly NftType[]): { readonly id: number; readonly sizeBytes: number } {
  const [first] = types;
  if (first !== undefined && types.length === 1) return TYPES[first];
  return {
    id: types.reduce((id, type) => (id << TYPE_BITS) | TYPES[type].id, 0),
    sizeBytes: types.reduce((sum, type) => sum + padded(TYPES[type].sizeBytes), 0),
  };
}

/** A note for nft (libnftnl/udata.h): type, length and value of the order of the key's bytes, which are the host's own. */
const HOST_ORDER_KEY = Buffer.concat([Buffer.of(0, 4), Buffer.from(Uint32Array.of(1).buffer)]);

/** `id` tells apart the sets of one transaction. */
export function addSet(table: NftTable, { name, key, data }: NftSet, id: number): NetlinkRequest {
  const keyType = typeOf(key);
  const dataType = data && typeOf(data);
  return request(
    `add the set ${name}`,
    table,
    NFT_MSG_NEWSET,
    NLM_F_CREATE,
    textAttribute(NFTA_SET_NAME, name),
    u32(NFTA_SET_FLAGS, dataType ? NFT_SET_MAP : 0),
    u32(NFTA_SET_KEY_TYPE, keyType.id),
    u32(NFTA_SET_KEY_BYTES, keyType.sizeBytes),
    u32(NFTA_SET_ID, id),
    // Else nft lists the names as if their last letter came first.
    ...(keyType === TYPES.ifname ? [bytesAttribute(NFTA_SET_USERDATA, HOST_ORDER_KEY)] : []),
    ...(dataType ? [u32(NFTA_SET_DATA_TYPE, dataType.id), u32(NFTA_SET_DATA_BYTES, dataType.sizeBytes)] : []),
  );
}

/** An attribute holds 64 KiB at most. */
const ELEMENTS_PER_MESSAGE = 500;

/** As many messages as it takes. Adding what is there with the same data changes nothing; with other data it fails. */
export const addElements = (table: NftTable, set: string, elements: readonly NftElement[]): readonly NetlinkRequest[] =>
  elementRequests(table, set, elements, `add elements to ${set}`, NFT_MSG_NEWSETELEM, NLM_F_CREATE);

/** Fails where one is not there. */
export const deleteElements = (
  table: NftTable,
  set: string,
  elements: readonly NftElement[],
): readonly NetlinkRequest[] =>
  elementRequests(table, set, elements, `delete elements of ${set}`, NFT_MSG_DELSETELEM, 0);

function elementRequests(
  table: NftTable,
  set: string,
  elements: readonly NftElement[],
  attempted: string,
  message: number,
  flags: number,
): readonly NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  for (let from = 0; from < elements.length; from += ELEMENTS_PER_MESSAGE) {
    const encoded = elements.slice(from, from + ELEMENTS_PER_MESSAGE).map(encodeElement);
    const list = nestedAttribute(NFTA_SET_ELEM_LIST_ELEMENTS, ...encoded);
    requests.push(request(attempted, table, message, flags, textAttribute(NFTA_SET_NAME, set), list));
  }
  return requests;
}

const encodeElement = ({ key, data }: NftElement): Buffer =>
  listElement(
    nestedAttribute(NFTA_SET_ELEM_KEY, bytesAttribute(NFTA_DATA_VALUE, key)),
    ...(data ? [nestedAttribute(NFTA_SET_ELEM_DATA, bytesAttribute(NFTA_DATA_VALUE, data))] : []),
  );

/** For `batch` and `batchNow` of a netfilter socket: all of it at once, or an error and nothing of it. */
export function nftTransaction(requests: readonly NetlinkRequest[]): readonly NetlinkRequest[] {
  const mark = (type: number): NetlinkRequest => ({
    attempted: requests[0]?.attempted ?? 'change nftables',
    type,
    flags: 0,
    body: [nfHeader(0, NFNL_SUBSYS_NFTABLES)],
    silent: true,
  });
  return [mark(NFNL_MSG_BATCH_BEGIN), ...requests, mark(NFNL_MSG_BATCH_END)];
}

/** A socket for nftables of the namespace in which the thread stands. */
export const openNfnetlink = (): NetlinkSocket => openNetlink(NETLINK_NETFILTER);
