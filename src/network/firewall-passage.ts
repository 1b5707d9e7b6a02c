import type { NetlinkRequest } from '#/linux/netlink.ts';
import type { NetlinkSocket } from '#/linux/netlink-socket.ts';
import { addRule, deleteRule } from '#/linux/nfnetlink.ts';
import { type ForwardChain, listForwardChains, listRules } from '#/linux/nft-chains.ts';
import { ACCEPT, COUNTER, equalsUnder, hostU32, MARK } from '#/linux/nft-expressions.ts';
import { isEngineTable, PASSED_MARK } from './firewall-tables.ts';

const COMMENT = 'gantry: passed by its own forward chain';

export interface PassagePlan {
  /** Whether somebody would drop what we let pass, so that it has to be marked. */
  readonly needed: boolean;
  readonly requests: readonly NetlinkRequest[];
}

/**
 * A verdict of ours only ends our own chain. Where another firewall (ufw, firewalld, dockerd) refuses forwarded packets unless
 * told otherwise, its chain gets one rule that lets pass what carries our mark: last where the policy drops, so that whatever
 * that firewall says explicitly comes first; first where a rule refuses everything, since then (firewalld) the chains to which it
 * jumps refuse as well. The rule goes when the chain no longer refuses.
 */
export function planPassage(netlink: NetlinkSocket): PassagePlan {
  let needed = false;
  const requests: NetlinkRequest[] = [];
  for (const chain of listForwardChains(netlink)) {
    if (isEngineTable(chain.table.name)) continue;
    const rules = listRules(netlink, chain);
    const ours = rules.filter((rule) => rule.hasComment(COMMENT));
    const refusesByRule = rules.some(({ refusesAll }) => refusesAll);
    const refuses = chain.policy === 'drop' || refusesByRule;
    needed ||= refuses;
    if (refuses && ours.length === 0) requests.push(passageRule(chain, refusesByRule ? rules[0]?.handle : undefined));
    if (!refuses) requests.push(...ours.map(({ handle }) => deleteRule(chain.table, chain.name, handle)));
  }
  return { needed, requests };
}

/** In words that iptables, too, can list: a match of the mark and a counter. */
const passageRule = ({ table, name }: ForwardChain, before: bigint | undefined): NetlinkRequest =>
  addRule(
    table,
    {
      chain: name,
      expressions: [...equalsUnder(MARK, hostU32(PASSED_MARK)), COUNTER, ACCEPT],
      comment: COMMENT,
    },
    { ...(before !== undefined && { before }) },
  );
