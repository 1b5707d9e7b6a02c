import { isIP } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import { parseIpBlock } from '#/base/ip.ts';
import type { Network } from './network.ts';

export const BRIDGE_NAME_OPTION = 'com.docker.network.bridge.name';
export const HOST_BINDING_OPTION = 'com.docker.network.bridge.host_binding_ipv4';
export const MTU_OPTION = 'com.docker.network.driver.mtu';
export const INTERFACE_PREFIX_OPTION = 'com.docker.network.container_iface_prefix';
const INHIBIT_IPV4_OPTION = 'com.docker.network.bridge.inhibit_ipv4';
const FLAG_OPTIONS = [
  'com.docker.network.bridge.enable_icc',
  'com.docker.network.bridge.enable_ip_masquerade',
  INHIBIT_IPV4_OPTION,
];

const DEFAULT_MTU = 1500;
const MTU_MIN = 68;
const MTU_MAX = 65_535;

/** dev_valid_name() of the kernel. */
export const isInterfaceName = (name: string): boolean => /^[^\s/:]{1,15}$/.test(name) && name !== '.' && name !== '..';

export const mtuOf = ({ options }: Network): number => Number(options[MTU_OPTION] ?? DEFAULT_MTU);

/** The bridge has no IPv4 address: the gateway is somebody else, on an interface that was put into the bridge. */
export const inhibitsIpv4 = ({ options }: Network): boolean => /^(1|t|true)$/i.test(options[INHIBIT_IPV4_OPTION] ?? '');

/** `eth` of `eth0`. */
export const interfacePrefixOf = ({ options }: Network): string => options[INTERFACE_PREFIX_OPTION] ?? 'eth';

/** Throws invalid-argument for options that a bridge network cannot have. */
export function checkBridgeOptions({ bridgeName = '', options, ipam }: Network): void {
  if (!isInterfaceName(bridgeName)) {
    throw invalid(
      `invalid bridge name ${JSON.stringify(bridgeName)}`,
      '1 to 15 characters without slash, colon or space',
    );
  }
  for (const version of [4, 6]) {
    if (ipam.filter(({ subnet }) => parseIpBlock(subnet).version === version).length > 1) {
      throw new EngineError('permission-denied', "bridge driver doesn't support multiple subnets");
    }
  }
  const mtu = options[MTU_OPTION];
  if (mtu !== undefined && !(/^\d+$/.test(mtu) && Number(mtu) >= MTU_MIN && Number(mtu) <= MTU_MAX)) {
    throw invalid(`invalid MTU ${JSON.stringify(mtu)}`, `a number from ${MTU_MIN} to ${MTU_MAX}`);
  }
  const hostBinding = options[HOST_BINDING_OPTION];
  if (hostBinding !== undefined && isIP(hostBinding) === 0) {
    throw invalid(`invalid value ${JSON.stringify(hostBinding)} of ${HOST_BINDING_OPTION}`, 'an IP address');
  }
  for (const option of FLAG_OPTIONS) {
    const value = options[option];
    if (value !== undefined && !/^(1|t|true|0|f|false)$/i.test(value)) {
      throw invalid(`invalid value ${JSON.stringify(value)} of ${option}`, 'true or false');
    }
  }
}

const invalid = (what: string, expected: string): EngineError =>
  new EngineError('invalid-argument', `${what}: ${expected} expected`);

/** Two networks on one bridge would be one. */
export function checkBridgeNames(network: Network, present: readonly Network[]): void {
  if (network.bridgeName === undefined) return;
  const other = present.find(({ bridgeName }) => bridgeName === network.bridgeName);
  if (other === undefined) return;
  throw new EngineError(
    'permission-denied',
    `cannot create network ${network.id} (${network.bridgeName}): conflicts with network ${other.id} (${other.bridgeName}): networks have same bridge name`,
  );
}
