import type { NftChain, NftRule, NftSet, NftTable } from '#/linux/nfnetlink.ts';
import {
  ACCEPT,
  ARP_HEADER,
  ARP_SOURCE_IP,
  ARP_SOURCE_MAC,
  CT_STATE,
  CT_STATUS,
  DESTINATION_PORT,
  DESTINATION_TYPE,
  DESTINATION_TYPE_HERE,
  DROP,
  differs,
  dnatBy,
  ETHER_SOURCE,
  ETHER_TYPE,
  equals,
  equalsUnder,
  hasAnyOf,
  hostU32,
  ICMP_TYPE,
  IN_NAME,
  IP_DESTINATION,
  IP_SOURCE,
  IP6_DESTINATION,
  IP6_SOURCE,
  isFamily,
  isIn,
  isNotIn,
  jumpTo,
  LOCAL,
  MASQUERADE,
  ND_TARGET,
  type NftExpression,
  OUT_NAME,
  PROTOCOL,
  setMark,
} from '#/linux/nft-expressions.ts';
import { addressValue, ifnameValue } from '#/linux/nft-values.ts';

/**
 * The two tables of ours. Their rules never change: networks, endpoints and published ports are elements of their sets and
 * maps (firewall-elements.ts). docs/firewall.md says in which order they and other people's chains see a packet.
 */
export interface TablePlan {
  readonly table: NftTable;
  readonly sets: readonly NftSet[];
  readonly chains: readonly NftChain[];
  readonly rules: readonly NftRule[];
}

const TABLE_NAME = 'gantry';
const DEFAULT_BRIDGE = 'gantry0';

/** Of both tables of the engine whose default network's interface this is: engines that share a host have tables of their own. */
export const tableNameOf = (defaultBridge: string): string =>
  defaultBridge === DEFAULT_BRIDGE ? TABLE_NAME : `${TABLE_NAME}-${defaultBridge}`;

/** Whether some engine's table has this name; ours or another's. */
export const isEngineTable = (name: string): boolean => name === TABLE_NAME || name.startsWith(`${TABLE_NAME}-`);

export interface TableOptions {
  readonly tableName: string;
  readonly marksPassed: boolean;
}

/** What passed our forward chain carries this bit while another firewall's forward chain would drop it by default. */
export const PASSED_MARK = 0x2000_0000;

const NAT_DESTINATION_PRIORITY = -100;
const NAT_SOURCE_PRIORITY = 100;
const RAW_PRIORITY = -300;
/** Before all chains of the usual priority `filter`, so that they see what we let pass. */
const FORWARD_PRIORITY = -10;
const BRIDGE_FILTER_PRIORITY = -200;

const ESTABLISHED_OR_RELATED = hostU32(2 | 4);
const DESTINATION_CHANGED = hostU32(1 << 5);
const LOOPBACK = addressValue('127.0.0.0');
const LOOPBACK_MASK = addressValue('255.0.0.0');
const UNSPECIFIED_IPV6 = addressValue('::');
const ICMPV6 = Buffer.of(58);

type RulesOf = readonly (readonly (NftExpression | readonly NftExpression[])[])[];
const rulesOf = (chain: string, rules: RulesOf): readonly NftRule[] =>
  rules.map((expressions) => ({ chain, expressions: expressions.flat() }));

const base = (
  hook: NonNullable<NftChain['base']>['hook'],
  priority: number,
  type: 'filter' | 'nat' = 'filter',
): NonNullable<NftChain['base']> => ({ type, hook, priority, policy: 'accept' });

const PUBLISHED_KEY = ['inet_proto', 'inet_service'] as const;

/** Routed packets: who may reach whom, published ports, and addresses that stand for containers outside. */
export function planRoutedTable(options: TableOptions): TablePlan {
  return {
    table: { family: 'inet', name: options.tableName },
    sets: [
      { name: 'bridges', key: ['ifname'] },
      { name: 'internal', key: ['ifname'] },
      { name: 'masqueraded', key: ['ifname'] },
      { name: 'same', key: ['ifname', 'ifname'] },
      { name: 'talking', key: ['ifname', 'ifname'] },
      { name: 'published4', key: ['ipv4_addr', ...PUBLISHED_KEY], data: ['ipv4_addr', 'inet_service'] },
      { name: 'published6', key: ['ipv6_addr', ...PUBLISHED_KEY], data: ['ipv6_addr', 'inet_service'] },
      { name: 'published_any4', key: PUBLISHED_KEY, data: ['ipv4_addr', 'inet_service'] },
      { name: 'published_any6', key: PUBLISHED_KEY, data: ['ipv6_addr', 'inet_service'] },
      { name: 'selves4', key: ['ipv4_addr', 'ipv4_addr'] },
      { name: 'selves6', key: ['ipv6_addr', 'ipv6_addr'] },
    ],
    chains: [
      { name: 'published' },
      { name: 'pass' },
      { name: 'early', base: base('prerouting', RAW_PRIORITY) },
      { name: 'prerouting', base: base('prerouting', NAT_DESTINATION_PRIORITY, 'nat') },
      { name: 'output', base: base('output', NAT_DESTINATION_PRIORITY, 'nat') },
      { name: 'input', base: base('input', FORWARD_PRIORITY) },
      { name: 'forward', base: base('forward', FORWARD_PRIORITY) },
      { name: 'postrouting', base: base('postrouting', NAT_SOURCE_PRIORITY, 'nat') },
    ],
    rules: [
      ...rulesOf('published', publishedRules()),
      ...rulesOf('pass', [[options.marksPassed ? setMark(PASSED_MARK) : [], ACCEPT]]),
      // Our bridges route 127.0.0.0/8 (for published ports); nobody else's packets may come that way.
      ...rulesOf('early', [
        [
          isFamily('ip'),
          differs(IN_NAME, ifnameValue('lo')),
          equalsUnder(IP_DESTINATION, LOOPBACK_MASK, LOOPBACK),
          DROP,
        ],
      ]),
      ...rulesOf('prerouting', [[jumpTo('published')]]),
      ...rulesOf('output', [[jumpTo('published')]]),
      ...rulesOf('input', inputRules()),
      ...rulesOf('forward', forwardRules()),
      ...rulesOf('postrouting', postroutingRules()),
    ],
  };
}

/** An address of its own goes before all of the host's. The kernel cannot lead ::1 anywhere: a relay serves it. */
function publishedRules(): RulesOf {
  const any = [PROTOCOL, DESTINATION_PORT] as const;
  const toHost = equals(DESTINATION_TYPE, LOCAL);
  return [
    [isFamily('ip'), dnatBy('published4', 'ip', IP_DESTINATION, ...any)],
    [isFamily('ip'), toHost, dnatBy('published_any4', 'ip', ...any)],
    [isFamily('ip6'), equals(IP6_DESTINATION, addressValue('::1')), ACCEPT],
    [isFamily('ip6'), dnatBy('published6', 'ip6', IP6_DESTINATION, ...any)],
    [isFamily('ip6'), toHost, dnatBy('published_any6', 'ip6', ...any)],
  ];
}

/** Of the host, an internal network sees its own gateway's addresses only. */
const inputRules = (): RulesOf => [
  [isIn('internal', IN_NAME), equals(DESTINATION_TYPE, LOCAL), differs(DESTINATION_TYPE_HERE, LOCAL), DROP],
];

/**
 * Containers of one network reach each other, internal networks nobody else; answers and published ports pass; everything
 * else on its way to a bridge is dropped (other networks, and strangers who route to container addresses); containers may go out.
 */
const forwardRules = (): RulesOf => [
  [isIn('talking', IN_NAME, OUT_NAME), jumpTo('pass')],
  [isIn('internal', IN_NAME), DROP],
  [isIn('internal', OUT_NAME), DROP],
  [isIn('bridges', IN_NAME), hasAnyOf(CT_STATE, ESTABLISHED_OR_RELATED), jumpTo('pass')],
  [isIn('bridges', OUT_NAME), hasAnyOf(CT_STATE, ESTABLISHED_OR_RELATED), jumpTo('pass')],
  [isIn('bridges', OUT_NAME), hasAnyOf(CT_STATUS, DESTINATION_CHANGED), jumpTo('pass')],
  [isIn('bridges', OUT_NAME), DROP],
  [isIn('bridges', IN_NAME), jumpTo('pass')],
];

/**
 * The source is changed only where answers would not find their way back otherwise: from 127.0.0.1, from a container to a
 * published port of itself or of a neighbour, from one network to a port that another publishes, and to the outside.
 * Packets that br_netfilter takes through here have no interface of origin and keep their source.
 */
const postroutingRules = (): RulesOf => [
  [isFamily('ip'), isIn('bridges', OUT_NAME), equalsUnder(IP_SOURCE, LOOPBACK_MASK, LOOPBACK), MASQUERADE],
  [isFamily('ip'), isIn('selves4', IP_SOURCE, IP_DESTINATION), MASQUERADE],
  [isFamily('ip6'), isIn('selves6', IP6_SOURCE, IP6_DESTINATION), MASQUERADE],
  [isIn('same', IN_NAME, OUT_NAME), hasAnyOf(CT_STATUS, DESTINATION_CHANGED), MASQUERADE],
  [isIn('same', IN_NAME, OUT_NAME), ACCEPT],
  [isIn('masqueraded', IN_NAME), MASQUERADE],
];

/** Frames of containers on their bridges: everybody sends as themselves, and nobody plays the router. */
export function planBridgedTable({ tableName }: Pick<TableOptions, 'tableName'>): TablePlan {
  return {
    table: { family: 'bridge', name: tableName },
    sets: [
      { name: 'guarded', key: ['ifname'] },
      { name: 'muted', key: ['ifname'] },
      { name: 'senders', key: ['ifname', 'ether_addr'] },
      { name: 'senders4', key: ['ifname', 'ipv4_addr'] },
      { name: 'senders6', key: ['ifname', 'ipv6_addr'] },
    ],
    chains: [
      { name: 'arp' },
      { name: 'icmp6' },
      { name: 'prerouting', base: base('prerouting', BRIDGE_FILTER_PRIORITY) },
      { name: 'forward', base: base('forward', BRIDGE_FILTER_PRIORITY) },
    ],
    rules: [
      ...rulesOf('prerouting', frameRules()),
      ...rulesOf('arp', arpRules()),
      ...rulesOf('icmp6', icmp6Rules()),
      ...rulesOf('forward', [[isIn('muted', IN_NAME), isIn('muted', OUT_NAME), DROP]]),
    ],
  };
}

const ETHER_TYPES = { ip: Buffer.of(0x08, 0x00), arp: Buffer.of(0x08, 0x06), ip6: Buffer.of(0x86, 0xdd) };

/** VLAN tags are off by now. IPv6 whose upper protocol cannot be read is dropped: it may hide an advertisement. */
const frameRules = (): RulesOf => [
  [isNotIn('guarded', IN_NAME), ACCEPT],
  [isNotIn('senders', IN_NAME, ETHER_SOURCE), DROP],
  [equals(ETHER_TYPE, ETHER_TYPES.ip), isIn('senders4', IN_NAME, IP_SOURCE), ACCEPT],
  [equals(ETHER_TYPE, ETHER_TYPES.ip6), equals(PROTOCOL, ICMPV6), jumpTo('icmp6')],
  [equals(ETHER_TYPE, ETHER_TYPES.ip6), differs(PROTOCOL, ICMPV6), isIn('senders6', IN_NAME, IP6_SOURCE), ACCEPT],
  [equals(ETHER_TYPE, ETHER_TYPES.arp), jumpTo('arp')],
  [DROP],
];

/** Ethernet and IPv4, about oneself; or a probe, which claims nothing. */
const arpRules = (): RulesOf => [
  [differs(ARP_HEADER, Buffer.of(0, 1, 8, 0, 6, 4)), DROP],
  [isNotIn('senders', IN_NAME, ARP_SOURCE_MAC), DROP],
  [isIn('senders4', IN_NAME, ARP_SOURCE_IP), ACCEPT],
  [equals(ARP_SOURCE_IP, Buffer.alloc(4)), ACCEPT],
  [DROP],
];

const ROUTER_ADVERTISEMENT = 134;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const REDIRECT = 137;
const LISTENER_REPORTS = [131, 132, 143];

const icmp6Rules = (): RulesOf => {
  const type = (value: number) => equals(ICMP_TYPE, Buffer.of(value));
  const fromNobody = equals(IP6_SOURCE, UNSPECIFIED_IPV6);
  return [
    [type(ROUTER_ADVERTISEMENT), DROP],
    [type(REDIRECT), DROP],
    [type(NEIGHBOUR_ADVERTISEMENT), isNotIn('senders6', IN_NAME, ND_TARGET), DROP],
    [isIn('senders6', IN_NAME, IP6_SOURCE), ACCEPT],
    [type(NEIGHBOUR_SOLICITATION), fromNobody, isIn('senders6', IN_NAME, ND_TARGET), ACCEPT],
    ...LISTENER_REPORTS.map((report) => [type(report), fromNobody, ACCEPT]),
    [DROP],
  ];
};
