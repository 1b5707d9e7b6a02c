import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import type { IpamPool, Network } from '#/network/network.ts';
import { isUserDefined } from '#/network/predefined.ts';
import type { EndpointSettings } from './config.ts';

/**
 * Throws invalid-argument, with Docker's texts, for what cannot be had on a network; of one that does not exist (yet) only
 * what is wrong by itself is told.
 */
export function checkEndpoint(name: string, settings: EndpointSettings, network: Network | undefined): void {
  const faults = [...faultsOfName(name, settings), ...faultsOfAddresses(settings, network)];
  if (faults.length === 0) return;
  const text = faults.length === 1 ? faults[0] : faults.map((fault) => `* ${fault}`).join('\n');
  throw new EngineError('invalid-argument', `invalid config for network ${name}: invalid endpoint settings:\n${text}`);
}

function faultsOfName(name: string, { ipv4Address, ipv6Address, aliases }: EndpointSettings): readonly string[] {
  if (isUserDefined(name)) return [];
  const hasAddress = ipv4Address !== undefined || ipv6Address !== undefined;
  return [
    ...(hasAddress ? ['user specified IP address is supported on user defined networks only'] : []),
    ...(aliases.length > 0 ? ['network-scoped aliases are only supported for user-defined networks'] : []),
  ];
}

function faultsOfAddresses(
  { ipv4Address, ipv6Address, macAddress }: EndpointSettings,
  network: Network | undefined,
): readonly string[] {
  const faults: string[] = [];
  if (macAddress !== undefined && !/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(macAddress))
    faults.push(`invalid MAC address: ${macAddress}`);
  for (const [address, family, isOne] of [
    [ipv4Address, 'IPv4', isIPv4],
    [ipv6Address, 'IPv6', isIPv6],
  ] as const) {
    if (address === undefined) continue;
    if (!isOne(address)) faults.push(`invalid ${family} address: ${address}`);
    else if (network !== undefined && !isInPools(network.ipam, address))
      faults.push(`no configured subnet or ip-range contain the IP address ${address}`);
  }
  return faults;
}

/** A network without any subnet leaves its addresses to somebody else (DHCP). */
function isInPools(pools: readonly IpamPool[], address: string): boolean {
  if (pools.length === 0) return true;
  const blocks = new BlockList();
  for (const { subnet } of pools) {
    const [base = '', prefixLength] = subnet.split('/');
    blocks.addSubnet(base, Number(prefixLength), isIP(base) === 6 ? 'ipv6' : 'ipv4');
  }
  return blocks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
