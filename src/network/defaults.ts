import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { newNetworkId } from '#/base/ids.ts';
import { printIpv4, printIpv4Block } from '#/base/ipv4.ts';
import { insertNetwork, updateNetworkConfig } from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import { hostBlocks } from './bridge.ts';
import { type AddressPool, chooseSubnet } from './ipam.ts';
import type { Network } from './network.ts';
import { type NetworkConfig, networksOf } from './records.ts';

export const DEFAULT_BRIDGE_NAME = 'gantry0';
export const DEFAULT_MTU = 1500;
export const MTU_OPTION = 'com.docker.network.driver.mtu';

export interface DefaultBridgeSettings {
  readonly bridgeName: string;
  readonly mtu: number;
  readonly pools: readonly AddressPool[];
}

/**
 * Makes the rows of `bridge`, `host` and `none` where they are missing. The bridge's subnet is chosen once, away from what
 * the host uses then, and stays; its interface's name and MTU follow the settings.
 */
export function ensureDefaultNetworks(store: Store, clock: Clock, settings: DefaultBridgeSettings): void {
  if (!isInterfaceName(settings.bridgeName)) {
    throw new EngineError(
      'invalid-argument',
      `invalid bridge name ${JSON.stringify(settings.bridgeName)}: 1 to 15 characters without slash, colon or space expected`,
    );
  }
  const present = networksOf(store);
  const bridge = present.find(({ name }) => name === 'bridge');
  const config = bridgeConfig(settings, bridge?.ipam ?? chooseIpam(settings));
  store.transaction(() => {
    if (bridge === undefined) addNetwork(store, clock, 'bridge', 'bridge', config);
    else if (differs(bridge, config)) updateNetworkConfig(store, bridge.id, JSON.stringify(config));
    for (const [name, driver] of [['host', 'host'] as const, ['none', 'null'] as const]) {
      if (!present.some((other) => other.name === name))
        addNetwork(store, clock, name, driver, { ipam: [], options: {} });
    }
  });
}

/** dev_valid_name() of the kernel. */
const isInterfaceName = (name: string): boolean => /^[^\s/:]{1,15}$/.test(name) && name !== '.' && name !== '..';

function addNetwork(store: Store, clock: Clock, name: string, driver: Network['driver'], config: NetworkConfig): void {
  insertNetwork(store, { id: newNetworkId(), name, driver, created_at: clock.now(), config: JSON.stringify(config) });
}

const differs = (network: Network, config: NetworkConfig): boolean =>
  network.bridgeName !== config.bridgeName || network.options[MTU_OPTION] !== config.options[MTU_OPTION];

function chooseIpam({ bridgeName, pools }: DefaultBridgeSettings): Network['ipam'] {
  const subnet = chooseSubnet(pools, hostBlocks(bridgeName));
  return [{ subnet: printIpv4Block(subnet), gateway: printIpv4(subnet.base + 1) }];
}

const bridgeConfig = ({ bridgeName, mtu }: DefaultBridgeSettings, ipam: Network['ipam']): NetworkConfig => ({
  bridgeName,
  ipam,
  options: {
    'com.docker.network.bridge.default_bridge': 'true',
    'com.docker.network.bridge.enable_icc': 'true',
    'com.docker.network.bridge.enable_ip_masquerade': 'true',
    'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
    'com.docker.network.bridge.name': bridgeName,
    [MTU_OPTION]: String(mtu),
  },
});
