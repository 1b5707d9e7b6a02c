import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#/base/clock.ts';
import { poll } from '#/base/delay.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { EventBus } from '#/events/events.ts';
import { openStore } from '#/store/store.ts';
import type { ConnectRequest, Endpoint, NetworkSpec, Networks } from '../network.ts';
import { type NetworksOptions, openNetworks } from '../open.ts';
import { isAnswered, ping } from './ping.ts';

export const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
/** What `ip` tells of the host, with somebody else's eyes. */
export const ipJson = (...args: readonly string[]) => JSON.parse(run('ip', '-d', '-j', ...args) || '[]');

/** Networks of an engine in a throwaway host, with what a test needs to look at them. */
export class TestNetworks {
  readonly dir = mkdtempSync(join(tmpdir(), 'networks-'));
  readonly store = openStore(join(this.dir, 'gantry.db'));
  readonly events = new EventBus(systemClock);
  networks!: Networks;

  static async open(options: Partial<NetworksOptions> = {}): Promise<TestNetworks> {
    const opened = new TestNetworks();
    await opened.reopen(options);
    return opened;
  }

  /** As the next engine would. */
  async reopen(options: Partial<NetworksOptions> = {}): Promise<void> {
    const { store, events, dir } = this;
    await (this.networks as Networks | undefined)?.close();
    this.networks = await openNetworks({
      store,
      events,
      log: silentLogger,
      clock: systemClock,
      execRoot: dir,
      nameServerAddress: '',
      ...options,
    });
  }

  create(name: string, spec: Partial<NetworkSpec> = {}) {
    return this.networks.create({ name, driver: 'bridge', ipam: [], ...spec });
  }

  /** A container's namespace on these networks, connected in this order. */
  async launch(...requests: readonly (string | Partial<ConnectRequest>)[]): Promise<ContainerId> {
    const id = newContainerId();
    await this.networks.openSandbox(id, { dnsServers: [] });
    for (const request of requests) await this.connect(id, request);
    return id;
  }

  connect(id: ContainerId, request: string | Partial<ConnectRequest>): Promise<Endpoint> {
    const own = typeof request === 'string' ? { network: request } : request;
    return this.networks.connect(id, { network: 'bridge', names: { own: [id.slice(0, 12)], links: {} }, ...own });
  }

  endpoint(id: ContainerId, network: string): Endpoint {
    const endpoint = this.networks.endpointsOf(id).find(({ networkName }) => networkName === network);
    if (endpoint === undefined) throw new Error(`${id} is not on ${network}`);
    return endpoint;
  }

  inside(id: ContainerId, ...command: readonly string[]): string {
    return run('nsenter', `--net=${join(this.dir, 'netns', id)}`, ...command);
  }

  insideJson(id: ContainerId, ...args: readonly string[]) {
    return JSON.parse(this.inside(id, 'ip', '-d', '-j', ...args) || '[]');
  }

  /** `eth0 172.17.0.1`: interface and next hop of the default route; undefined without one. */
  defaultRoute(id: ContainerId, version: '-4' | '-6' = '-4'): string | undefined {
    const [route] = JSON.parse(this.inside(id, 'ip', '-j', version, 'route', 'show', 'default') || '[]');
    return route && `${route.dev} ${route.gateway}`;
  }

  /** Throws where nobody answers. */
  ping(id: ContainerId, address: string): void {
    ping(join(this.dir, 'netns', id), address);
  }

  isAnswered(id: ContainerId, address: string): boolean {
    return isAnswered(join(this.dir, 'netns', id), address);
  }

  /** Host ends of interfaces that are there. */
  hostPorts(): readonly string[] {
    return ipJson('link')
      .map(({ ifname }: { ifname: string }) => ifname)
      .filter((name: string) => name.startsWith('gv'));
  }

  /** Throws where closing everything leaves anything. */
  async close(): Promise<void> {
    for (const id of await this.networks.listSandboxes()) await this.networks.closeSandbox(id);
    for (const { id, name } of this.networks.list()) {
      if (!['bridge', 'host', 'none'].includes(name)) await this.networks.remove(id);
    }
    const rows = ['endpoints', 'sandboxes'].flatMap((table) => this.store.all(`SELECT * FROM ${table}`));
    await this.networks.close();
    this.store[Symbol.dispose]();
    const isEmpty = await poll(() => (this.hostPorts().length === 0 ? true : undefined), {
      intervalMs: 20,
      timeoutMs: 30_000,
    });
    const bridges = ipJson('link', 'show', 'type', 'bridge').map(({ ifname }: { ifname: string }) => ifname);
    for (const name of bridges) run('ip', 'link', 'delete', name);
    run('nft', 'flush', 'ruleset');
    const isMounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(this.dir);
    rmSync(this.dir, { recursive: true });
    if (!isEmpty || isMounted || rows.length > 0 || bridges.join() !== 'gantry0') {
      throw new Error(`left over: ports ${isEmpty}, mounts ${isMounted}, rows ${rows.length}, bridges ${bridges}`);
    }
  }
}
