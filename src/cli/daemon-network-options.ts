import { isIP } from 'node:net';
import { HOST_RESOLVER_ADDRESS } from '#/spec/gantry-names.ts';
import type { Flag, Flags } from './args/flag.ts';
import { checkLoopbackAddress } from './args/values.ts';

/** What a daemon's networks are made with. Absent means the engine's defaults. */
export interface DaemonNetworkOptions {
  readonly bridgeName?: string;
  /** The default bridge's own address with its prefix length. */
  readonly bridgeAddress?: string;
  readonly mtu?: number;
  /** Whether containers on the default bridge may talk to each other. */
  readonly interContainer?: boolean;
  /** Of the host: where ports are published that name none. */
  readonly bindingAddress?: string;
  /** Whether published ports are open to everybody, or where the host's own firewall allows them. */
  readonly publishMode?: PublishMode;
  readonly defaultAddressPools?: readonly AddressPool[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** Where the host finds containers' names; '' for nowhere. */
  readonly nameServerAddress?: string;
}

const PUBLISH_MODES = ['open', 'host-firewall'] as const;
type PublishMode = (typeof PUBLISH_MODES)[number];

interface AddressPool {
  readonly base: string;
  readonly size: number;
}

const MTU_MIN = 68;
const MTU_MAX = 65_535;

export const DAEMON_NETWORK_FLAGS: readonly Flag[] = [
  {
    name: 'bridge',
    short: 'b',
    kind: 'value',
    help: "The default network's interface: made where it is missing, and somebody else's used as it is",
    fallback: '"gantry0"',
    check: checkInterfaceName,
  },
  {
    name: 'bip',
    kind: 'value',
    help: "The default network's address on the host, with its prefix length",
    check: (text) => void parseCidr(text),
  },
  { name: 'mtu', kind: 'value', type: 'int', help: "The default network's MTU", fallback: '1500', check: checkMtu },
  {
    name: 'icc',
    kind: 'bool',
    help: 'Let containers on the default network talk to each other',
    fallback: 'true',
  },
  {
    name: 'ip',
    kind: 'value',
    help: 'Where to publish ports that name no address',
    fallback: '"0.0.0.0"',
    check: checkAddress,
  },
  {
    name: 'published-ports',
    kind: 'value',
    help: 'Published ports are open to everybody (open), or where the INPUT rules of the host allow (host-firewall)',
    fallback: '"open"',
    check: (text) => void parsePublishMode(text),
  },
  {
    name: 'default-address-pool',
    kind: 'list',
    type: 'pool-options',
    help: 'Where networks without a subnet come from: base=CIDR,size=LENGTH',
    check: (text) => void parsePool(text),
  },
  { name: 'dns', kind: 'list', help: 'Resolvers of containers that name none', check: checkAddress },
  { name: 'dns-search', kind: 'list', help: 'Search domains of containers that name none' },
  { name: 'dns-opt', kind: 'list', help: 'Resolver options of containers that name none' },
  {
    name: 'host-dns',
    kind: 'value',
    help: "Loopback address where the host finds containers' names (see 'gantry dns'); empty for none",
    fallback: `"${HOST_RESOLVER_ADDRESS}"`,
    check: (text) => {
      if (text !== '') checkLoopbackAddress(text);
    },
  },
];

export function readNetworkOptions(flags: Flags): DaemonNetworkOptions {
  const text = <K extends string>(key: K, name: string) => given(key, flags.text(name) || undefined);
  const list = <K extends string>(key: K, name: string) => given(key, notEmpty(flags.list(name)));
  return {
    ...text('bridgeName', 'bridge'),
    ...text('bridgeAddress', 'bip'),
    ...text('bindingAddress', 'ip'),
    ...given('publishMode', optional(flags.text('published-ports'), parsePublishMode)),
    ...given('mtu', flags.number('mtu')),
    ...given('interContainer', flags.has('icc') ? flags.bool('icc') : undefined),
    ...given('defaultAddressPools', notEmpty(flags.list('default-address-pool').map(parsePool))),
    ...list('dns', 'dns'),
    ...list('dnsSearch', 'dns-search'),
    ...list('dnsOptions', 'dns-opt'),
    ...given('nameServerAddress', flags.text('host-dns')),
  };
}

/** The arguments that `readNetworkOptions` reads the same options from. */
export function printNetworkArgs(options: DaemonNetworkOptions): string[] {
  const pools = (options.defaultAddressPools ?? []).map(({ base, size }) => `base=${base},size=${size}`);
  const values: Readonly<Record<string, readonly (string | number | boolean)[]>> = {
    bridge: one(options.bridgeName),
    bip: one(options.bridgeAddress),
    mtu: one(options.mtu),
    icc: one(options.interContainer),
    ip: one(options.bindingAddress),
    'published-ports': one(options.publishMode),
    'default-address-pool': pools,
    dns: options.dns ?? [],
    'dns-search': options.dnsSearch ?? [],
    'dns-opt': options.dnsOptions ?? [],
    'host-dns': one(options.nameServerAddress),
  };
  return Object.entries(values).flatMap(([name, list]) => list.map((value) => `--${name}=${value}`));
}

const one = <T>(value: T | undefined): readonly T[] => (value === undefined ? [] : [value]);
const notEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

function given<K extends string, T>(key: K, value: T | undefined): { readonly [key in K]?: T } {
  // A computed key widens to an index signature; the cast says what it is.
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: T };
}

const optional = <T>(text: string | undefined, parse: (text: string) => T): T | undefined =>
  text === undefined || text === '' ? undefined : parse(text);

function parsePublishMode(text: string): PublishMode {
  const mode = PUBLISH_MODES.find((known) => known === text);
  if (mode === undefined) throw new Error(`${PUBLISH_MODES.join(' or ')} expected`);
  return mode;
}

function checkInterfaceName(text: string): void {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(text)) throw new Error('an interface name has 1 to 15 letters, digits, _, . or -');
}

function checkMtu(text: string): void {
  const mtu = Number(text);
  if (!/^\d+$/.test(text) || mtu < MTU_MIN || mtu > MTU_MAX) throw new Error(`${MTU_MIN} to ${MTU_MAX} expected`);
}

function checkAddress(text: string): void {
  if (isIP(text) === 0) throw new Error(`${text} is not an ip address`);
}

function parseCidr(text: string): { readonly address: string; readonly prefixLength: number } {
  const [address = '', length = '', ...rest] = text.split('/');
  const max = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) === 0 || !/^\d{1,3}$/.test(length) || Number(length) > max || rest.length > 0)
    throw new Error(`invalid CIDR address: ${text}`);
  return { address, prefixLength: Number(length) };
}

/** `base=10.10.0.0/16,size=24`: a block, and the prefix length of the subnets that it is cut into. */
function parsePool(text: string): AddressPool {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const [key = '', value = '', ...rest] = field.split('=');
    if (rest.length > 0 || !['base', 'size'].includes(key.trim().toLowerCase()))
      throw new Error(`invalid option key ${key} option in pool: ${text}`);
    fields.set(key.trim().toLowerCase(), value.trim());
  }
  const base = fields.get('base') ?? '';
  const size = Number(fields.get('size'));
  const { prefixLength } = parseCidr(base);
  if (!Number.isInteger(size) || size < prefixLength)
    throw new Error(`invalid size in pool ${text}: ${prefixLength} or more expected`);
  return { base, size };
}
