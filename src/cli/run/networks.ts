import type { EndpointSettings } from '#/spec/docker-api/container.ts';
import type { Flags } from '../args/flag.ts';
import { splitCsv } from './csv.ts';

export interface NetworkOption {
  readonly name: string;
  readonly endpoint: EndpointSettings;
}

type Draft = { -readonly [Key in keyof EndpointSettings]: EndpointSettings[Key] };

/** What tells `name=x,alias=y` from a network whose name merely has an equals sign. */
const LONG_FORM = /\w+=\w+/;

/** `--network NAME` or `--network name=NAME,alias=…,ip=…`. Throws docker's reason. */
export function parseNetwork(text: string): NetworkOption {
  if (!LONG_FORM.test(text)) return { name: text, endpoint: {} };
  const endpoint: Draft = {};
  let name = '';
  for (const field of splitCsv(text)) {
    const equals = field.indexOf('=');
    if (equals < 1) throw new Error(`invalid field ${field}`);
    const key = field.slice(0, equals).trim().toLowerCase();
    const value = field.slice(equals + 1).trim();
    if (key === 'name') name = value;
    else setField(endpoint, key, value);
  }
  if (name === '') throw new Error('network name/id is not specified');
  return { name, endpoint };
}

function setField(endpoint: Draft, key: string, value: string): void {
  switch (key) {
    case 'alias':
      endpoint.Aliases = [...(endpoint.Aliases ?? []), value];
      break;
    case 'ip':
      endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv4Address: value };
      break;
    case 'ip6':
      endpoint.IPAMConfig = { ...endpoint.IPAMConfig, IPv6Address: value };
      break;
    case 'link-local-ip': {
      const LinkLocalIPs = [...(endpoint.IPAMConfig?.LinkLocalIPs ?? []), value];
      endpoint.IPAMConfig = { ...endpoint.IPAMConfig, LinkLocalIPs };
      break;
    }
    case 'mac-address':
      endpoint.MacAddress = value;
      break;
    case 'driver-opt': {
      const [name = '', ...rest] = value.split('=');
      if (rest.length === 0) throw new Error('invalid key value pair format in driver options');
      endpoint.DriverOpts = { ...endpoint.DriverOpts, [name.trim().toLowerCase()]: rest.join('=').trim() };
      break;
    }
    case 'gw-priority':
      if (!/^[-+]?\d+$/.test(value)) throw new Error(`invalid gw-priority (${value}): invalid syntax`);
      endpoint.GwPriority = Number(value);
      break;
    default:
      throw new Error(`invalid field key ${key}`);
  }
}

/** The networks to join; the first also has what the older single options say. Throws docker's reason. */
export function networksOf(flags: Flags): readonly NetworkOption[] {
  const [first = { name: 'default', endpoint: {} }, ...others] = flags.list('network').map(parseNetwork);
  const single = singleOptions(flags, first.name);
  checkConflicts(first.endpoint, single);
  const IPAMConfig = { ...first.endpoint.IPAMConfig, ...single.IPAMConfig };
  const hasAddress = Object.keys(IPAMConfig).length > 0;
  const networks = [
    { name: first.name, endpoint: { ...first.endpoint, ...single, ...(hasAddress ? { IPAMConfig } : {}) } },
    ...others,
  ];
  checkNetworks(networks);
  return networks;
}

function singleOptions(flags: Flags, network: string): EndpointSettings {
  const [aliases, links, linkLocal] = [flags.list('network-alias'), flags.list('link'), flags.list('link-local-ip')];
  const [ip, ip6, mac] = [flags.text('ip'), flags.text('ip6'), flags.text('mac-address')];
  return {
    ...(aliases.length > 0 ? { Aliases: aliases } : {}),
    ...(links.length > 0 && isUserDefined(network) ? { Links: links } : {}),
    ...(mac === undefined ? {} : { MacAddress: mac }),
    IPAMConfig: {
      ...(ip === undefined ? {} : { IPv4Address: ip }),
      ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
      ...(linkLocal.length > 0 ? { LinkLocalIPs: linkLocal } : {}),
    },
  };
}

function checkConflicts(long: EndpointSettings, single: EndpointSettings): void {
  const pairs: readonly (readonly [unknown, unknown, string])[] = [
    [long.Aliases, single.Aliases, '--network-alias and per-network alias'],
    [long.IPAMConfig?.IPv4Address, single.IPAMConfig?.IPv4Address, '--ip and per-network IPv4 address'],
    [long.IPAMConfig?.IPv6Address, single.IPAMConfig?.IPv6Address, '--ip6 and per-network IPv6 address'],
    [long.MacAddress, single.MacAddress, '--mac-address and per-network MAC address'],
    [
      long.IPAMConfig?.LinkLocalIPs,
      single.IPAMConfig?.LinkLocalIPs,
      '--link-local-ip and per-network link-local IP addresses',
    ],
  ];
  for (const [one, other, what] of pairs) {
    if (one !== undefined && other !== undefined) {
      throw new Error(`conflicting options: cannot specify both ${what}`);
    }
  }
}

const MAC = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i;

function checkNetworks(networks: readonly NetworkOption[]): void {
  const seen = new Set<string>();
  for (const { name, endpoint } of networks) {
    if ((endpoint.Aliases ?? []).length > 0 && !isUserDefined(name)) {
      throw new Error('network-scoped aliases are only supported for user-defined networks');
    }
    const mac = endpoint.MacAddress ?? '';
    if (mac !== '' && !MAC.test(mac.trim())) throw new Error(`${mac} is not a valid mac address`);
    if (seen.has(name)) throw new Error(`network ${JSON.stringify(name)} is specified multiple times`);
    seen.add(name);
  }
  const userDefined = networks.filter(({ name }) => isUserDefined(name)).length;
  if (userDefined > 0 && userDefined < networks.length) {
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  }
}

/** As the API wants them; a single network of which nothing else is said stands in the mode alone. */
export function endpointsOf(networks: readonly NetworkOption[]): Readonly<Record<string, EndpointSettings>> {
  const told = networks.map(({ name, endpoint: { IPAMConfig, ...rest } }) => {
    const hasAddress = Object.keys(IPAMConfig ?? {}).length > 0;
    return [name, hasAddress ? { ...rest, IPAMConfig: IPAMConfig ?? {} } : rest] as const;
  });
  const isBare = told.length === 1 && Object.keys(told[0]?.[1] ?? {}).length === 0;
  return isBare && told[0]?.[0] !== 'default' ? {} : Object.fromEntries(told);
}

/** False for the networks and modes that every engine has. */
function isUserDefined(name: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(name) && !name.startsWith('container:');
}
