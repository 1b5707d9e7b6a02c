import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { type ContainerId, parseContainerId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import { Semaphore } from '#/base/semaphore.ts';
import { withUndo } from '#/base/undo.ts';
import type { EventBus } from '#/events/events.ts';
import { listSandboxRows, upsertSandbox } from '#/store/networks.ts';
import type { Store } from '#/store/store.ts';
import { bridgeDriver } from './bridge-driver.ts';
import { watchBridges } from './bridge-watch.ts';
import { Claims } from './claim.ts';
import { closeSandbox } from './close-sandbox.ts';
import { connectSandbox, disconnectSandbox } from './connect.ts';
import { createNetwork } from './create-network.ts';
import { claimDefaultBridge, leaveBridge } from './default-bridge.ts';
import { DEFAULT_BRIDGE_NAME, type DefaultBridgeSettings, ensureDefaultNetworks } from './defaults.ts';
import { openDhcp } from './dhcp/dhcp.ts';
import { openNameServer } from './dns/open.ts';
import { openFirewall } from './firewall.ts';
import {
  type AddressPool,
  checkAddressPool,
  DEFAULT_ADDRESS_POOLS,
  uniqueLocalPool,
  withDefaultPools,
} from './ipam.ts';
import { openIpvlanDriver } from './ipvlan.ts';
import { openMacvlanDriver } from './macvlan.ts';
import type {
  ConnectRequest,
  CreatedNetwork,
  Endpoint,
  EndpointNames,
  Network,
  NetworkSpec,
  Networks,
  PortBinding,
  PublishedPort,
  Sandbox,
  SandboxSettings,
} from './network.ts';
import { openPorts } from './ports/open.ts';
import type { PublishMode } from './ports/ports.ts';
import { isUserDefined } from './predefined.ts';
import { publishPorts } from './published.ts';
import { Readiness } from './readiness.ts';
import { allEndpoints, endpointsOf, endpointsOn, getNetwork, networksOf } from './records.ts';
import { openRelays } from './relay/open.ts';
import type { Relays } from './relay/relay.ts';
import { removeNetwork } from './remove-network.ts';
import { repairNetworks } from './repair.ts';
import { restoreNames, restoreTraffic } from './restore.ts';
import type { NetworkRoom } from './room.ts';
import { ensureSandbox, listSandboxFiles, prepareSandboxDirectory, sandboxPath } from './sandbox.ts';
import { NameTeller } from './served-names.ts';

export interface NetworksOptions extends DefaultBridgeSettings {
  readonly store: Store;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  /** Namespaces are files in its directory `netns`. */
  readonly execRoot: string;
  /** Where subnets are cut from, of both versions; what is missing of a version is Docker's own choice. */
  readonly defaultAddressPools?: readonly AddressPool[];
  readonly publishMode?: PublishMode;
  /** Where the host asks for containers' names; a loopback address. */
  readonly nameServerAddress?: string;
}

/**
 * Opens the networks of an engine. A host that refuses a bridge or the firewall is no reason to fail here (containers
 * without a network still run): it is tried again, and then reported, when a container connects.
 */
export function openNetworks(options: NetworksOptions): Promise<Networks> {
  return withUndo(options.log, async (undo) => {
    const bridge = await takeDefaultBridge(options);
    undo.add('default bridge', async () => bridge[Symbol.asyncDispose]());
    return await openOverBridge(options, bridge);
  });
}

/** Also leaves the interface that the default network had before. */
async function takeDefaultBridge({ store, execRoot, bridgeName = DEFAULT_BRIDGE_NAME }: NetworksOptions) {
  const former = networksOf(store).find(({ name }) => name === 'bridge');
  const bridge = await claimDefaultBridge({ bridgeName, networkId: former?.id, execRoot });
  if (former !== undefined && former.bridgeName !== bridgeName) await leaveBridge(former);
  return bridge;
}

async function openOverBridge(options: NetworksOptions, bridge: AsyncDisposable): Promise<Networks> {
  for (const pool of options.defaultAddressPools ?? []) checkAddressPool(pool);
  const pools = withDefaultPools(options.defaultAddressPools ?? [], DEFAULT_ADDRESS_POOLS);
  ensureDefaultNetworks(options.store, options.clock, options, pools);
  await prepareSandboxDirectory(options.execRoot);
  const relays = openRelays(options);
  const room = openRoom(options, pools, relays);
  await restoreTraffic(room);
  const networks = new KernelNetworks(room, { relays, bridge });
  await networks.repair().catch((err: unknown) => {
    options.log.warn({ err }, 'cannot prepare a network; will try again when a container connects to it');
  });
  if (networks.list().some(({ name }) => isUserDefined(name))) room.names.warmUp();
  await restoreNames(room);
  return networks;
}

/** Two batches at once keep the kernel's routing lock busy; more would only hold threads that files need. */
const NETLINK_LANES = 2;
/** Of many containers that end at once; each unmounts, on a thread. */
const NAMESPACE_DROPS = 4;

function openRoom(options: NetworksOptions, pools: readonly AddressPool[], relays: Relays): NetworkRoom {
  const { store, events, log, clock, execRoot, publishMode, nameServerAddress } = options;
  const { bridgeName = DEFAULT_BRIDGE_NAME } = options;
  const networks = () => networksOf(store);
  const firewall = openFirewall({ log, defaultBridge: bridgeName });
  const names = openNameServer({ log, ...(nameServerAddress === undefined ? {} : { hostAddress: nameServerAddress }) });
  const drivers = { bridge: bridgeDriver, macvlan: openMacvlanDriver(networks), ipvlan: openIpvlanDriver(networks) };
  return {
    store,
    events,
    log,
    clock,
    execRoot,
    // For good, since it follows from an id that the database was born with.
    pools: withDefaultPools(pools, [uniqueLocalPool(getNetwork(networks(), 'bridge').id)]),
    drivers,
    claims: new Claims(store, clock),
    leases: openDhcp({ log }),
    firewall,
    names,
    teller: new NameTeller(store, names),
    ports: openPorts({ log, firewall, relays, ...(publishMode === undefined ? {} : { mode: publishMode }) }),
    readiness: new Readiness(firewall, drivers),
    containers: new KeyedMutex(),
    repairs: new KeyedMutex(),
    changes: new Semaphore(1),
    lanes: new Semaphore(NETLINK_LANES),
    drops: new Semaphore(NAMESPACE_DROPS),
    leaving: new Set(),
  };
}

/** The port over the room's verbs: finds the container's lock, and keeps order among them. */
class KernelNetworks implements Networks {
  readonly #room: NetworkRoom;
  readonly #owned: { readonly relays: Relays; readonly bridge: AsyncDisposable };
  readonly #watch: Disposable;
  readonly #births = new Semaphore(1);
  #repairing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(room: NetworkRoom, owned: { readonly relays: Relays; readonly bridge: AsyncDisposable }) {
    this.#room = room;
    this.#owned = owned;
    this.#watch = watchBridges(room);
  }

  list(): readonly Network[] {
    return networksOf(this.#room.store);
  }

  get(reference: string): Network {
    return getNetwork(this.list(), reference);
  }

  create(spec: NetworkSpec): Promise<CreatedNetwork> {
    return createNetwork(this.#room, spec);
  }

  remove(reference: string): Promise<void> {
    return removeNetwork(this.#room, reference);
  }

  openSandbox(container: ContainerId, settings: SandboxSettings): Promise<Sandbox> {
    const { store, execRoot, containers } = this.#room;
    const path = sandboxPath(execRoot, container);
    return containers.run(container, () =>
      this.#births.run(async () => {
        const ports = JSON.stringify({ bindings: [], published: [] });
        store.unsynced(() =>
          upsertSandbox(store, { container_id: container, settings: JSON.stringify(settings), ports }),
        );
        ensureSandbox(path);
        // Many at once: each holds the event loop for a millisecond, and others have their turn in between.
        await nextTurn();
        return { path };
      }),
    );
  }

  connect(container: ContainerId, request: ConnectRequest): Promise<Endpoint> {
    return this.#room.containers.run(container, () => connectSandbox(this.#room, container, request));
  }

  disconnect(container: ContainerId, network: string): Promise<void> {
    return this.#room.containers.run(container, () => disconnectSandbox(this.#room, container, network));
  }

  publish(container: ContainerId, ports: readonly PortBinding[]): Promise<readonly PublishedPort[]> {
    return this.#room.containers.run(container, () => publishPorts(this.#room, container, ports));
  }

  rename(container: ContainerId, names: EndpointNames, reference: string): Promise<void> {
    const { store, containers, claims } = this.#room;
    return containers.run(container, async () => {
      const network = getNetwork(networksOf(store), reference);
      const endpoint = endpointsOf(store, container).find(({ networkId }) => networkId === network.id);
      if (endpoint === undefined) {
        throw new EngineError('not-found', `container ${container} is not connected to network ${network.name}`);
      }
      claims.rename(endpoint, names);
      await this.#room.teller.tell(network);
    });
  }

  closeSandbox(container: ContainerId): Promise<void> {
    return this.#room.containers.run(container, () => closeSandbox(this.#room, container));
  }

  async listSandboxes(): Promise<readonly ContainerId[]> {
    const { store, execRoot } = this.#room;
    const files = await listSandboxFiles(execRoot);
    const sandboxes = listSandboxRows(store).map(({ container_id }) => parseContainerId(container_id));
    const endpoints = allEndpoints(store).map(({ containerId }) => containerId);
    return [...new Set([...files, ...sandboxes, ...endpoints])];
  }

  endpointsOf(container: ContainerId): readonly Endpoint[] {
    return endpointsOf(this.#room.store, container);
  }

  endpointsOn(network: string): readonly Endpoint[] {
    return endpointsOn(this.#room.store, this.get(network));
  }

  portsOf(container: ContainerId): readonly PublishedPort[] {
    return this.#room.ports.portsOf(container);
  }

  repair(): Promise<void> {
    this.#repairing ??= repairNetworks(this.#room).finally(() => {
      this.#repairing = undefined;
    });
    return this.#repairing;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Its failure is told to whoever asked for it.
    await this.#repairing?.catch(() => {});
    this.#watch[Symbol.dispose]();
    this.#room.leases.close();
    this.#room.teller[Symbol.dispose]();
    await this.#room.names.close();
    await this.#room.ports.close();
    await this.#owned.relays.close();
    await this.#room.firewall.close();
    await this.#owned.bridge[Symbol.asyncDispose]();
  }
}
