import { decodeAttributeList, decodeAttributes, decodeText, type NetlinkMessage, textAttribute } from './netlink.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import {
  NFNL_SUBSYS_NFTABLES,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_NUMBER,
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_USERDATA,
  NFTA_TABLE,
  type NftTable,
  nfHeader,
  nftFamilyNumber,
  nftFamilyOf,
  printRuleComment,
} from './nfnetlink.ts';

const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_GETRULE = 7;
const NFGENMSG_BYTES = 4;
const FORWARD_HOOK = 2;
const NF_DROP = 0;
const EXPRESSION_NAME = 1;
const EXPRESSION_DATA = 2;

/** A chain that sees forwarded packets by itself. */
export interface ForwardChain {
  readonly table: NftTable;
  readonly name: string;
  readonly policy: 'accept' | 'drop';
}

export interface ListedRule {
  readonly handle: bigint;
  /** Says no to whatever comes this far. */
  readonly refusesAll: boolean;
  hasComment(comment: string): boolean;
}

/** The filter chains of all ip families at the forward hook. */
export function listForwardChains(netlink: NetlinkSocket): readonly ForwardChain[] {
  return netlink
    .dump({
      attempted: 'list the chains of nftables',
      type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN,
      flags: 0,
      body: [nfHeader(0)],
    })
    .flatMap(decodeForwardChain);
}

function decodeForwardChain({ payload }: NetlinkMessage): readonly ForwardChain[] {
  const family = nftFamilyOf(payload[0] ?? 0);
  const attributes = decodeAttributes(payload.subarray(NFGENMSG_BYTES));
  const hook = attributes.get(NFTA_CHAIN_HOOK);
  const number = hook && decodeAttributes(hook).get(NFTA_HOOK_NUMBER)?.readUInt32BE();
  if (family === undefined || family === 'bridge' || number !== FORWARD_HOOK) return [];
  const text = (type: number) => decodeText(attributes.get(type) ?? Buffer.alloc(0));
  if (text(NFTA_CHAIN_TYPE) !== 'filter') return [];
  const policy = attributes.get(NFTA_CHAIN_POLICY)?.readUInt32BE() === NF_DROP ? 'drop' : 'accept';
  return [{ table: { family, name: text(NFTA_TABLE) }, name: text(NFTA_CHAIN_NAME), policy }];
}

/** In their order. */
export function listRules(netlink: NetlinkSocket, { table, name }: ForwardChain): readonly ListedRule[] {
  return netlink
    .dump({
      attempted: `list the rules of the chain ${name} of the nftables table ${table.family} ${table.name}`,
      type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETRULE,
      flags: 0,
      body: [
        nfHeader(nftFamilyNumber(table.family)),
        textAttribute(NFTA_TABLE, table.name),
        textAttribute(NFTA_RULE_CHAIN, name),
      ],
    })
    .map(decodeRule);
}

function decodeRule({ payload }: NetlinkMessage): ListedRule {
  const attributes = decodeAttributes(payload.subarray(NFGENMSG_BYTES));
  const userdata = attributes.get(NFTA_RULE_USERDATA);
  return {
    handle: attributes.get(NFTA_RULE_HANDLE)?.readBigUInt64BE() ?? 0n,
    refusesAll: refusesAll(decodeAttributeList(attributes.get(NFTA_RULE_EXPRESSIONS) ?? Buffer.alloc(0))),
    hasComment: (comment) => userdata?.equals(printRuleComment(comment)) ?? false,
  };
}

/** Beside counters and logs, only a reject or the verdict to drop. */
function refusesAll(expressions: readonly Buffer[]): boolean {
  const [verdict, ...others] = expressions
    .map((bytes) => decodeAttributes(bytes))
    .map((attributes) => ({
      name: decodeText(attributes.get(EXPRESSION_NAME) ?? Buffer.alloc(0)),
      data: attributes.get(EXPRESSION_DATA) ?? Buffer.alloc(0),
    }))
    .filter(({ name }) => name !== 'counter' && name !== 'log');
  if (verdict === undefined || others.length > 0) return false;
  return verdict.name === 'reject' || (verdict.name === 'immediate' && isDrop(verdict.data));
}

/** NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE. */
function isDrop(immediate: Buffer): boolean {
  const data = decodeAttributes(immediate).get(2);
  const verdict = data && decodeAttributes(data).get(2);
  return (verdict && decodeAttributes(verdict).get(1)?.readUInt32BE()) === NF_DROP;
}
