import type { EndpointSettings } from '#/spec/docker-api/container.ts';
import type { Flags } from '../args/flag.ts';
import { splitCsv } from './csv.ts';

export interface NetworkOption {
  readonly name: string;
  readonly endpoint: EndpointSettings;
}

type Draft = { -readonly [Key in keyof EndpointSettings]: EndpointSettings[Key] };

/** `--network NAME` or `--network name=NAME,alias=…,ip=…`. Throws docker's reason. */
export function parseNetwork(text: string): NetworkOption {
  if (!/^[^,]*=/.test(text)) return { name: text, endpoint: {} };
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
    case 'link-local-ip':
      endpoint.IPAMConfig = {
        ...endpoint.IPAMConfig,
        LinkLocalIPs: [...(endpoint.IPAMConfig?.LinkLocalIPs ?? []), value],
      };
      break;
    case 'mac-address':
      endpoint.MacAddress = value;
      break;
    case 'driver-opt': {
      const [name = '', ...rest] = value.split('=');
      endpoint.DriverOpts = { ...endpoint.DriverOpts, [name.trim()]: rest.join('=').trim() };
      break;
    }
    case 'gw-priority':
      if (!/^-?\d+$/.test(value)) throw new Error(`invalid gw-priority: ${value}`);
      endpoint.GwPriority = Number(value);
      break;
    default:
      throw new Error(`invalid field key ${key}`);
  }
}

/** The networks to join, with what the older single options say of the first. */
export function networksOf(flags: Flags): readonly NetworkOption[] {
  const networks = [...flags.list('network'), ...flags.list('net')].map(parseNetwork);
  const [first = { name: 'default', endpoint: {} }, ...others] = networks;
  const aliases = [...flags.list('network-alias'), ...flags.list('net-alias')];
  const linkLocal = flags.list('link-local-ip');
  const ip = flags.text('ip');
  const ip6 = flags.text('ip6');
  const mac = flags.text('mac-address');
  const hasAddress = ip !== undefined || ip6 !== undefined || linkLocal.length > 0;
  const endpoint: EndpointSettings = {
    ...first.endpoint,
    ...(aliases.length > 0 ? { Aliases: [...(first.endpoint.Aliases ?? []), ...aliases] } : {}),
    ...(mac === undefined ? {} : { MacAddress: mac }),
    ...(hasAddress
      ? {
          IPAMConfig: {
            ...first.endpoint.IPAMConfig,
            ...(ip === undefined ? {} : { IPv4Address: ip }),
            ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
            ...(linkLocal.length > 0 ? { LinkLocalIPs: linkLocal } : {}),
          },
        }
      : {}),
    ...(flags.list('link').length > 0 && isUserDefined(first.name) ? { Links: flags.list('link') } : {}),
  };
  return [{ name: first.name, endpoint }, ...others];
}

/** False for the networks and modes that every engine has. */
export function isUserDefined(name: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(name) && !name.startsWith('container:');
}
