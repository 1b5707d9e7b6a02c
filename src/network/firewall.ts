import { isDeepStrictEqual } from 'node:util';
import { parseIpv4Block, printIpv4 } from '#/base/ipv4.ts';
import { applyNft, listNftTable, type NftObject } from '#/linux/nft.ts';
import type { Network } from './network.ts';

const FAMILY = 'ip';
const TABLE = 'gantry';
const IN_TABLE = { family: FAMILY, table: TABLE };
const ACCEPT = { accept: null };
const DROP = { drop: null };

const meta = (key: string) => ({ meta: { key } });
const match = (left: object, right: unknown, op: '==' | '!=' | 'in' = '==') => ({ match: { op, left, right } });
const rule = (chain: string, ...expr: readonly object[]): NftObject => ({ rule: { ...IN_TABLE, chain, expr } });
/** nft lists a set without elements without the key. */
const elements = (elem: readonly unknown[]) => (elem.length === 0 ? {} : { elem });

/**
 * The one table, in the very words in which nft lists it. Networks are elements of sets, so that a further one changes no rule.
 * Forwarded packets: answers and published ports pass, containers of one network reach each other, everything else on its
 * way to a bridge is dropped (other networks, and strangers who route to container addresses), containers may go out.
 */
export function planFirewall(networks: readonly Network[]): readonly NftObject[] {
  const bridges = networks.flatMap(({ bridgeName }) => bridgeName ?? []).toSorted();
  const subnets = networks
    .filter(({ bridgeName }) => bridgeName !== undefined)
    .flatMap(({ ipam }) => ipam.map(({ subnet }) => parseIpv4Block(subnet)))
    .toSorted((a, b) => a.base - b.base)
    .map(({ base, prefixLength }) => ({ prefix: { addr: printIpv4(base), len: prefixLength } }));
  const pairs = bridges.map((name) => ({ concat: [name, name] }));
  const set = (name: string, type: unknown, elem: readonly unknown[], flags?: readonly string[]): NftObject => ({
    set: { family: FAMILY, name, table: TABLE, type, ...(flags && { flags }), ...elements(elem) },
  });
  const chain = (name: string, type: string, hook: string, prio: number): NftObject => ({
    chain: { family: FAMILY, table: TABLE, name, type, hook, prio, policy: 'accept' },
  });
  return [
    { table: { family: FAMILY, name: TABLE } },
    set('bridges', 'ifname', bridges),
    set('talking', ['ifname', 'ifname'], pairs),
    set('masqueraded', 'ipv4_addr', subnets, ['interval']),
    chain('forward', 'filter', 'forward', 0),
    chain('postrouting', 'nat', 'postrouting', 100),
    rule('forward', match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), ACCEPT),
    rule('forward', match({ ct: { key: 'status' } }, 'dnat', 'in'), ACCEPT),
    rule('forward', match({ concat: [meta('iifname'), meta('oifname')] }, '@talking'), ACCEPT),
    rule('forward', match(meta('oifname'), '@bridges'), DROP),
    rule('forward', match(meta('iifname'), '@bridges'), ACCEPT),
    rule(
      'postrouting',
      match({ payload: { protocol: 'ip', field: 'saddr' } }, '@masqueraded'),
      match(meta('oifname'), '@bridges', '!='),
      { masquerade: null },
    ),
  ];
}

/** Installs the table where it is missing or differs, in one transaction; true if it had to. */
export async function ensureFirewall(networks: readonly Network[]): Promise<boolean> {
  const wanted = planFirewall(networks);
  const present = await listNftTable(FAMILY, TABLE);
  if (present !== undefined && isDeepStrictEqual(canonical(present), canonical(wanted))) return false;
  const table = { table: { family: FAMILY, name: TABLE } };
  // The empty add makes the delete succeed where there is no table yet.
  await applyNft('install the nftables table gantry', [
    { add: table },
    { delete: table },
    ...wanted.map((object) => ({ add: object })),
  ]);
  return true;
}

const canonical = (objects: readonly NftObject[]): unknown =>
  JSON.parse(JSON.stringify(objects)).map((object: { set?: { elem?: unknown[] } }) => {
    object.set?.elem?.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return object;
  });
