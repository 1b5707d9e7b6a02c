import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#/base/clock.ts';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { parseContainerId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import { Semaphore } from '#/base/semaphore.ts';
import { withUndo } from '#/base/undo.ts';
import type { EventBus } from '#/events/events.ts';
import { isNetns } from '#/linux/netns.ts';
import { ensureSysctl } from '#/linux/sysctl.ts';
import type { Store } from '#/store/store.ts';
import { type Bridge, bridgeOf, ensureBridge, furnishEndpoint, reattachPorts, removePair } from './bridge.ts';
import { Claims } from './claim.ts';
import { DEFAULT_BRIDGE_NAME, DEFAULT_MTU, ensureDefaultNetworks, MTU_OPTION } from './defaults.ts';
import { type Firewall, openFirewall } from './firewall.ts';
import { type AddressPool, DEFAULT_ADDRESS_POOLS } from './ipam.ts';
import type { ConnectRequest, Endpoint, Network, Networks, Sandbox } from './network.ts';
import { allEndpoints, type EndpointRecord, endpointsOf, getNetwork, networksOf } from './records.ts';
import { dropSandbox, ensureSandbox, listSandboxFiles, prepareSandboxDirectory, sandboxPath } from './sandbox.ts';

export interface NetworksOptions {
  readonly store: Store;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  /** Namespaces are files in its directory `netns`. */
  readonly execRoot: string;
  /** Interface of the default bridge on the host; `gantry0` by default. */
  readonly bridgeName?: string;
  /** Of the default bridge; 1500 by default. */
  readonly mtu?: number;
  readonly defaultAddressPools?: readonly AddressPool[];
}

/**
 * Opens the networks of an engine. A host that refuses the bridge or the firewall is no reason to fail here (containers
 * without a network still run): it is tried again, and then reported, when the first container connects.
 */
export async function openNetworks(options: NetworksOptions): Promise<Networks> {
  ensureDefaultNetworks(options.store, options.clock, {
    bridgeName: options.bridgeName ?? DEFAULT_BRIDGE_NAME,
    mtu: options.mtu ?? DEFAULT_MTU,
    pools: options.defaultAddressPools ?? DEFAULT_ADDRESS_POOLS,
  });
  await prepareSandboxDirectory(options.execRoot);
  const networks = new KernelNetworks(options);
  await networks.repair().catch((err: unknown) => {
    options.log.warn({ err }, 'cannot prepare the default bridge; will try again when a container connects');
  });
  return networks;
}

/** Two batches at once keep the kernel's routing lock busy; more would only hold threads that files need. */
const NETLINK_LANES = 2;

class KernelNetworks implements Networks {
  readonly #options: NetworksOptions;
  readonly #claims: Claims;
  readonly #firewall: Firewall;
  readonly #containers = new KeyedMutex<ContainerId>();
  readonly #lanes = new Semaphore(NETLINK_LANES);
  readonly #births = new Semaphore(1);
  #repairing: Promise<void> | undefined;
  #ready = false;

  constructor(options: NetworksOptions) {
    this.#options = options;
    this.#claims = new Claims(options.store, options.clock);
    this.#firewall = openFirewall(options);
  }

  list(): readonly Network[] {
    return networksOf(this.#options.store);
  }

  get(reference: string): Network {
    return getNetwork(this.list(), reference);
  }

  endpointsOf(container: ContainerId): readonly Endpoint[] {
    return endpointsOf(this.#options.store, container);
  }

  openSandbox(container: ContainerId): Promise<Sandbox> {
    const path = this.#path(container);
    return this.#containers.run(container, () =>
      this.#births.run(async () => {
        ensureSandbox(path);
        // Many at once: each holds the event loop for a millisecond, and others have their turn in between.
        await nextTurn();
        return { path };
      }),
    );
  }

  connect(container: ContainerId, request: ConnectRequest): Promise<Endpoint> {
    return this.#containers.run(container, async () => {
      const network = this.get(request.network);
      const bridge = this.#bridgeOf(network);
      const { store, log, events } = this.#options;
      const present = endpointsOf(store, container).find(({ networkId }) => networkId === network.id);
      if (!this.#ready) await this.repair();
      if (present !== undefined) {
        await this.#furnish(bridge, present);
        return present;
      }
      const endpoint = await withUndo(log, async (undo) => {
        const claimed = this.#claims.claim(container, network, request);
        undo.add(`endpoint of ${container}`, () => this.#claims.release([claimed]));
        undo.add(`interface of ${container}`, () => removePair(container, claimed.position));
        await this.#furnish(bridge, claimed);
        return claimed;
      });
      events.publish(eventOf('connect', network, container));
      return endpoint;
    });
  }

  closeSandbox(container: ContainerId): Promise<void> {
    return this.#containers.run(container, async () => {
      await dropSandbox(this.#path(container));
      const endpoints = endpointsOf(this.#options.store, container);
      if (endpoints.length === 0) return;
      this.#claims.release(endpoints);
      for (const { networkId } of endpoints) {
        this.#options.events.publish(eventOf('disconnect', this.get(networkId), container));
      }
    });
  }

  async listSandboxes(): Promise<readonly ContainerId[]> {
    const files = await listSandboxFiles(this.#options.execRoot);
    const rows = allEndpoints(this.#options.store).map(({ containerId }) => parseContainerId(containerId));
    return [...new Set([...files, ...rows])];
  }

  repair(): Promise<void> {
    this.#repairing ??= this.#repair().finally(() => {
      this.#repairing = undefined;
    });
    return this.#repairing;
  }

  async close(): Promise<void> {
    await this.#repairing?.catch(() => {});
    await this.#firewall.close();
  }

  async #repair(): Promise<void> {
    const networks = this.list();
    ensureSysctl('net/ipv4/ip_forward', '1');
    // Before any container can send: rules first.
    await this.#firewall.setNetworks(networks);
    await this.#firewall.install();
    for (const network of networks.filter(({ bridgeName }) => bridgeName !== undefined)) {
      const bridge = this.#bridgeOf(network);
      await ensureBridge(bridge);
      const running = allEndpoints(this.#options.store).filter(
        ({ networkId, containerId }) => networkId === network.id && isNetns(this.#path(parseContainerId(containerId))),
      );
      for (const endpoint of await reattachPorts(bridge, running)) await this.#refurnish(bridge, endpoint);
    }
    this.#ready = true;
  }

  /** One container's trouble is not the others'. Whoever is busy with the container right now furnishes it too. */
  async #refurnish(bridge: Bridge, endpoint: EndpointRecord): Promise<void> {
    const container = parseContainerId(endpoint.containerId);
    const current = endpointsOf(this.#options.store, container);
    if (this.#containers.isLocked(container) || !current.some(({ endpointId }) => endpointId === endpoint.endpointId)) {
      return;
    }
    try {
      await this.#containers.run(container, () => furnishEndpoint(bridge, endpoint, this.#path(container)));
    } catch (err) {
      this.#options.log.warn({ err, container }, 'cannot put back the network interface');
    }
  }

  async #furnish(bridge: Bridge, endpoint: EndpointRecord): Promise<void> {
    const path = this.#path(parseContainerId(endpoint.containerId));
    const furnish = () => this.#lanes.run(() => furnishEndpoint(bridge, endpoint, path));
    try {
      await furnish();
    } catch (error) {
      if (errnoOf(error) !== 'ENODEV') throw error;
      // A stranger removed the bridge.
      await this.repair();
      await furnish();
    }
  }

  #bridgeOf({ name, driver, bridgeName, ipam, options }: Network): Bridge {
    if (bridgeName !== undefined) return bridgeOf(bridgeName, Number(options[MTU_OPTION] ?? DEFAULT_MTU), ipam);
    throw new EngineError(
      'invalid-argument',
      driver === 'host'
        ? 'container cannot be disconnected from host network or connected to host network'
        : `container cannot be connected to network ${name}, whose driver is ${driver}`,
    );
  }

  #path(container: ContainerId): string {
    return sandboxPath(this.#options.execRoot, container);
  }
}

const eventOf = (action: 'connect' | 'disconnect', { id, name, driver }: Network, container: ContainerId) => ({
  type: 'network' as const,
  action,
  id,
  attributes: { container, name, type: driver },
});
