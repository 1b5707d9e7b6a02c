import { BlockList, isIP } from 'node:net';

/** One subnet of a network as the API wants it. */
export interface IpamConfig {
  readonly Subnet: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** Addresses as they were written on the command line. */
export interface IpamTexts {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** Sorts ranges, gateways and reserved addresses to the subnets that hold them. Throws docker's reason where there is none. */
export function sortToSubnets({ subnets, ranges, gateways, auxiliary }: IpamTexts): readonly IpamConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new Error('every ip-range or gateway must have a corresponding subnet');
  }
  const configs = new Map<string, { -readonly [Key in keyof IpamConfig]: IpamConfig[Key] }>();
  for (const subnet of subnets) {
    const overlaps = [...configs.keys()].some((other) => isWithin(subnet, other) || isWithin(other, subnet));
    if (overlaps) throw new Error('multiple overlapping subnet configuration is not supported');
    configs.set(subnet, { Subnet: subnet });
  }
  const configOf = (text: string, what: string) => {
    const found = [...configs.values()].find((config) => isWithin(text, config.Subnet));
    if (found === undefined) throw new Error(`no matching subnet for ${what} ${text}`);
    return found;
  };
  for (const range of ranges) {
    parseCidr(range);
    const config = configOf(range, 'range');
    if (config.IPRange !== undefined) throw twice('ranges', config.IPRange, range, 'on', config.Subnet);
    config.IPRange = range;
  }
  for (const gateway of gateways) {
    const config = configOf(gateway, 'gateway');
    if (config.Gateway !== undefined) throw twice('gateways', config.Gateway, gateway, 'for', config.Subnet);
    config.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    const config = configOf(address, 'aux-address');
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return [...configs.values()];
}

const twice = (what: string, one: string, other: string, preposition: string, subnet: string): Error =>
  new Error(`cannot configure multiple ${what} (${one}, ${other}) ${preposition} the same subnet (${subnet})`);

/** Whether an address, or the first address of a subnet, is one of the subnet's. */
function isWithin(text: string, subnet: string): boolean {
  const { address, family, length } = parseCidr(subnet);
  const inner = text.includes('/') ? parseCidr(text).address : text;
  if (isIP(inner) === 0) return false;
  const list = new BlockList();
  list.addSubnet(address, length, family);
  return isIP(inner) === isIP(address) && list.check(inner, family);
}

function parseCidr(text: string) {
  const [address = '', length = '', ...rest] = text.split('/');
  const version = isIP(address);
  const isValid = version !== 0 && /^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128);
  if (!isValid || rest.length > 0) throw new Error(`invalid CIDR address: ${text}`);
  return { address, length: Number(length), family: version === 4 ? ('ipv4' as const) : ('ipv6' as const) };
}
