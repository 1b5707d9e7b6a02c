import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { newNetworkId } from '#/base/ids.ts';
import { lastOfBlock, parseIp, parseIpBlock, printIp, printIpBlock } from '#/base/ip.ts';
import { listAddresses } from '#/linux/address.ts';
import { listLinks } from '#/linux/link.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { insertNetwork, updateNetworkConfig } from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import { BRIDGE_NAME_OPTION, HOST_BINDING_OPTION, isInterfaceName, MTU_OPTION } from './bridge-options.ts';
import { hostBlocks } from './host-blocks.ts';
import { type AddressPool, chooseSubnet } from './ipam.ts';
import type { Network, NetworkDriverName } from './network.ts';
import { configOfNetwork, type NetworkRecord, networksOf, rowOfNetwork } from './records.ts';

export const DEFAULT_BRIDGE_NAME = 'gantry0';
const DEFAULT_MTU = 1500;

/** Of the network `bridge`; what is undefined is chosen. */
export interface DefaultBridgeSettings {
  /** Of its interface on the host; `gantry0` by default. */
  readonly bridgeName?: string;
  /** Its own address with prefix length: `10.20.0.1/24`. Otherwise a subnet of the pools, chosen once. */
  readonly bridgeAddress?: string;
  /** 1500 by default. */
  readonly mtu?: number;
  /** Whether containers may talk to each other; true by default. */
  readonly interContainer?: boolean;
  /** Of the host: where ports are published that name no address; all of them by default. */
  readonly bindingAddress?: string;
}

/**
 * Makes the rows of `bridge`, `host` and `none` where they are missing. The bridge's subnet is chosen once, away from what
 * the host uses then, and stays; all that is set follows the settings.
 */
export function ensureDefaultNetworks(
  store: Store,
  clock: Clock,
  settings: DefaultBridgeSettings,
  pools: readonly AddressPool[],
): void {
  const { bridgeName = DEFAULT_BRIDGE_NAME } = settings;
  if (!isInterfaceName(bridgeName)) {
    throw new EngineError(
      'invalid-argument',
      `invalid bridge name ${JSON.stringify(bridgeName)}: 1 to 15 characters without slash, colon or space expected`,
    );
  }
  const present = networksOf(store);
  const bridge = present.find(({ name }) => name === 'bridge');
  const address = settings.bridgeAddress ?? addressOfStranger(bridgeName);
  const ipam = address === undefined ? bridge?.ipam : ipamOfAddress(address);
  const wanted = {
    ...(bridge ?? bareNetwork(clock, 'bridge', 'bridge')),
    bridgeName,
    ipam: ipam ?? chooseIpam(bridgeName, pools),
    options: bridgeOptions(bridgeName, settings),
  };
  store.transaction(() => {
    if (bridge === undefined) insertNetwork(store, rowOfNetwork(wanted));
    else if (configOfNetwork(bridge) !== configOfNetwork(wanted)) {
      updateNetworkConfig(store, bridge.id, configOfNetwork(wanted));
    }
    for (const [name, driver] of [['host', 'host'] as const, ['none', 'null'] as const]) {
      if (!present.some((other) => other.name === name)) {
        insertNetwork(store, rowOfNetwork(bareNetwork(clock, name, driver)));
      }
    }
  });
}

const bareNetwork = (clock: Clock, name: string, driver: NetworkDriverName): NetworkRecord => ({
  id: newNetworkId(),
  name,
  driver,
  createdAtMs: clock.now(),
  bridgeName: undefined,
  ipam: [],
  ipamDriver: 'default',
  ipamOptions: {},
  enableIpv4: true,
  enableIpv6: false,
  internal: false,
  attachable: false,
  ingress: false,
  labels: {},
  options: {},
  subnetsGiven: false,
});

function chooseIpam(bridgeName: string, pools: readonly AddressPool[]): Network['ipam'] {
  const subnet = chooseSubnet(pools, 4, hostBlocks(bridgeName));
  return [{ subnet: printIpBlock(subnet), gateway: printIp({ version: 4, value: subnet.base + 1n }) }];
}

/** A bridge that somebody else made keeps its own address. Undefined where it has none, or the bridge is ours or yet to be made. */
function addressOfStranger(bridgeName: string): string | undefined {
  using netlink = openNetlink();
  const bridge = listLinks(netlink).find(({ name, kind }) => name === bridgeName && kind === 'bridge');
  if (bridge === undefined || bridge.alias !== '') return undefined;
  const own = listAddresses(netlink).find(
    ({ linkIndex, address }) => linkIndex === bridge.index && address.version === 4,
  );
  return own && `${printIp(own.address)}/${own.prefixLength}`;
}

function ipamOfAddress(text: string): Network['ipam'] {
  const subnet = parseIpBlock(text);
  const gateway = parseIp(text.split('/')[0] ?? '');
  if (subnet.version !== 4 || gateway.value === subnet.base || gateway.value === lastOfBlock(subnet)) {
    throw new EngineError(
      'invalid-argument',
      `invalid address of the default bridge ${JSON.stringify(text)}: ADDRESS/PREFIX expected`,
    );
  }
  return [{ subnet: printIpBlock(subnet), gateway: printIp(gateway) }];
}

const bridgeOptions = (bridgeName: string, settings: DefaultBridgeSettings): Network['options'] => ({
  'com.docker.network.bridge.default_bridge': 'true',
  'com.docker.network.bridge.enable_icc': String(settings.interContainer ?? true),
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
  [HOST_BINDING_OPTION]: settings.bindingAddress ?? '0.0.0.0',
  [BRIDGE_NAME_OPTION]: bridgeName,
  [MTU_OPTION]: String(settings.mtu ?? DEFAULT_MTU),
});
