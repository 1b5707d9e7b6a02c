import type { NftElement } from '#/linux/nfnetlink.ts';
import { addressValue, concatValues, etherValue, ifnameValue, portValue, protocolValue } from '#/linux/nft-values.ts';
import type { Network, PortProtocol } from './network.ts';

/** One element of one set of our tables. */
export interface TableElement extends NftElement {
  readonly family: 'inet' | 'bridge';
  readonly set: string;
}

/** The host's end of an endpoint's interface, and what the container may send as. */
export interface GuardedInterface {
  readonly interfaceName: string;
  readonly macAddress: string;
  /** '' where it has none. */
  readonly ipv4Address: string;
  readonly ipv6Address: string;
}

/** A port of the host that the kernel leads to a container, both of one family. */
export interface PortForward {
  readonly protocol: PortProtocol;
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerAddress: string;
  readonly containerPort: number;
}

const ICC_OPTION = 'com.docker.network.bridge.enable_icc';
const MASQUERADE_OPTION = 'com.docker.network.bridge.enable_ip_masquerade';
/** Of ours: `false` lets containers of the network send as anybody, for those that are routers or bridges themselves. */
const GUARD_OPTION = 'gantry.guard';

const inet = (set: string, key: Uint8Array, data?: Uint8Array): TableElement => ({
  family: 'inet',
  set,
  key,
  ...(data && { data }),
});
const bridge = (set: string, ...key: readonly Uint8Array[]): TableElement => ({
  family: 'bridge',
  set,
  key: key.length === 1 && key[0] !== undefined ? key[0] : concatValues(...key),
});

/** A boolean driver option as Docker reads it; what is not said is true. */
const isOn = ({ options }: Network, option: string): boolean => !/^(0|f|false)$/i.test(options[option] ?? '');

/** Of networks without a bridge: none. */
export function networkElements(network: Network): readonly TableElement[] {
  if (network.bridgeName === undefined) return [];
  const name = ifnameValue(network.bridgeName);
  const pair = concatValues(name, name);
  return [
    inet('bridges', name),
    inet('same', pair),
    ...(isOn(network, ICC_OPTION) ? [inet('talking', pair)] : []),
    ...(network.internal ? [inet('internal', name)] : []),
    ...(isOn(network, MASQUERADE_OPTION) && !network.internal ? [inet('masqueraded', name)] : []),
  ];
}

export function guardElements(network: Network, guarded: GuardedInterface): readonly TableElement[] {
  const name = ifnameValue(guarded.interfaceName);
  const mac = etherValue(guarded.macAddress);
  const muted = isOn(network, ICC_OPTION) ? [] : [bridge('muted', name)];
  if (!isOn(network, GUARD_OPTION)) return muted;
  const { ipv4Address, ipv6Address } = guarded;
  return [
    ...muted,
    bridge('guarded', name),
    bridge('senders', name, mac),
    ...(ipv4Address === '' ? [] : [bridge('senders4', name, addressValue(ipv4Address))]),
    ...(ipv6Address === ''
      ? []
      : [addressValue(ipv6Address), linkLocalOf(mac)].map((ip) => bridge('senders6', name, ip))),
  ];
}

/** fe80::/64 with the EUI-64 that the kernel makes of a MAC address (RFC 4291, appendix A). */
const linkLocalOf = (mac: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('fe80000000000000', 'hex'),
    Buffer.of((mac[0] ?? 0) ^ 2),
    mac.subarray(1, 3),
    Buffer.of(0xff, 0xfe),
    mac.subarray(3),
  ]);

export function forwardElements(forwards: readonly PortForward[]): readonly TableElement[] {
  const targets = new Set(forwards.map(({ containerAddress }) => containerAddress));
  return [
    ...forwards.map(forwardElement),
    ...[...targets].map(addressValue).map((ip) => inet(ip.length === 4 ? 'selves4' : 'selves6', concatValues(ip, ip))),
  ];
}

function forwardElement(forward: PortForward): TableElement {
  const hostAddress = addressValue(forward.hostAddress);
  const version = hostAddress.length === 4 ? 4 : 6;
  const port = concatValues(protocolValue(forward.protocol), portValue(forward.hostPort));
  const data = concatValues(addressValue(forward.containerAddress), portValue(forward.containerPort));
  return hostAddress.every((byte) => byte === 0)
    ? inet(`published_any${version}`, port, data)
    : inet(`published${version}`, concatValues(hostAddress, port), data);
}
