import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerId } from '#/base/ids.ts';
import type { Logger } from '#/base/log.ts';
import type { NetlinkRequest } from '#/linux/netlink.ts';
import { nftTransaction, openNfnetlink } from '#/linux/nfnetlink.ts';
import { type NftNotice, type NftWatch, watchNftables } from '#/linux/nft-notices.ts';
import {
  forwardElements,
  type GuardedInterface,
  guardElements,
  networkElements,
  type PortForward,
  type TableElement,
} from './firewall-elements.ts';
import { installRequests, updateRequests } from './firewall-install.ts';
import { planPassage } from './firewall-passage.ts';
import { isEngineTable, tableNameOf } from './firewall-tables.ts';
import type { Network } from './network.ts';

/**
 * Our nftables tables, kept as they should be, without a process: a change is a netlink transaction of elements, and changes
 * of the same moment are one. When somebody else takes anything away, everything is installed anew.
 *
 * What is asked for before the first `install` is only noted. So an engine that opens tells first what already runs, and the
 * tables that its predecessor left become its own without a gap. All promises are kept when what they stand for is in force.
 */
export interface Firewall {
  /** Puts everything noted in force in one transaction, whatever is there; connections live on. */
  install(): Promise<void>;
  /** Exactly these networks. */
  setNetworks(networks: readonly Network[]): Promise<void>;
  /** The host's end of an endpoint, which need not exist yet, brings in only what the endpoint may send. */
  guard(network: Network, guarded: GuardedInterface): Promise<void>;
  /** Absence is success. */
  unguard(interfaceName: string): Promise<void>;
  /** Exactly these ports lead to the container. */
  setForwards(container: ContainerId, forwards: readonly PortForward[]): Promise<void>;
  /** Leaves the tables as they are. */
  close(): Promise<void>;
}

/** Strangers make several changes in a row; of a fight over the tables we do our part once a second. */
const SETTLE_MS = 50;
const REPAIR_INTERVAL_MS = 1000;

export interface FirewallOptions {
  readonly log: Logger;
  /** The interface of the engine's default network, by which its tables are named. */
  readonly defaultBridge: string;
}

/** Of the network namespace in which this thread stands. */
export const openFirewall = ({ log, defaultBridge }: FirewallOptions): Firewall =>
  new KernelFirewall(log, tableNameOf(defaultBridge));

class KernelFirewall implements Firewall {
  readonly #log: Logger;
  readonly #tableName: string;
  readonly #netlink = openNfnetlink();
  readonly #closing = new AbortController();
  /** Who asked for which elements. */
  readonly #groups = new Map<string, readonly TableElement[]>();
  #watch: NftWatch | undefined;
  #noting = true;
  /** Whether the tables are as we think they are, but for what is pending. */
  #installed = false;
  #added: TableElement[] = [];
  #deleted: TableElement[] = [];
  #passageUnknown = true;
  #marksPassed = false;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #repair: Promise<void> | undefined;

  constructor(log: Logger, tableName: string) {
    this.#log = log;
    this.#tableName = tableName;
  }

  install(): Promise<void> {
    this.#noting = false;
    this.#forget();
    return this.#carryOutSoon();
  }

  setNetworks(networks: readonly Network[]): Promise<void> {
    return this.#set('networks', networks.flatMap(networkElements));
  }

  guard(network: Network, guarded: GuardedInterface): Promise<void> {
    return this.#set(`interface ${guarded.interfaceName}`, guardElements(network, guarded));
  }

  unguard(interfaceName: string): Promise<void> {
    return this.#set(`interface ${interfaceName}`, []);
  }

  setForwards(container: ContainerId, forwards: readonly PortForward[]): Promise<void> {
    return this.#set(`ports of ${container}`, forwardElements(forwards));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#watch?.[Symbol.dispose]();
    await this.#repair;
    await (this.#next ?? this.#current).catch(() => {});
    this.#netlink[Symbol.dispose]();
  }

  async #set(group: string, elements: readonly TableElement[]): Promise<void> {
    const gone = new Map((this.#groups.get(group) ?? []).map((element) => [identityOf(element), element]));
    if (elements.length === 0) this.#groups.delete(group);
    else this.#groups.set(group, elements);
    const added = elements.filter((element) => !gone.delete(identityOf(element)));
    if (this.#noting || added.length + gone.size === 0) return;
    this.#added.push(...added);
    this.#deleted.push(...gone.values());
    await this.#carryOutSoon();
  }

  /** One transaction at a time; what comes meanwhile goes into the next, together. */
  #carryOutSoon(): Promise<void> {
    this.#next ??= this.#current
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#current = this.#carryOut();
        return this.#current;
      });
    return this.#next;
  }

  async #carryOut(): Promise<void> {
    const update = updateRequests(this.#tableName, this.#deleted, this.#added);
    this.#added = [];
    this.#deleted = [];
    try {
      await this.#send(update);
    } catch (err) {
      this.#log.debug({ err }, 'the nftables tables are not as expected; installing them anew');
      await this.#send([]);
    }
  }

  async #send(update: readonly NetlinkRequest[]): Promise<void> {
    const passage = this.#planPassage();
    this.#watch ??= watchNftables(
      (notice) => this.#notice(notice),
      () => this.#loseWatch(),
    );
    const ours = this.#installed
      ? update
      : installRequests([...this.#groups.values()].flat(), {
          tableName: this.#tableName,
          marksPassed: this.#marksPassed,
        });
    if (ours.length + passage.length === 0) return;
    // Before waiting, so that a notice which comes meanwhile is not overwritten.
    this.#installed = true;
    try {
      await this.#netlink.batch(nftTransaction([...ours, ...passage]));
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  #planPassage(): readonly NetlinkRequest[] {
    if (!this.#passageUnknown) return [];
    this.#passageUnknown = false;
    const { needed, requests } = planPassage(this.#netlink);
    if (needed !== this.#marksPassed) this.#installed = false;
    this.#marksPassed = needed;
    return requests;
  }

  #forget(): void {
    this.#installed = false;
    this.#passageUnknown = true;
  }

  #notice({ portId, family, table }: NftNotice): void {
    if (portId === this.#netlink.portId || family === undefined) return;
    if (table === this.#tableName) this.#installed = false;
    else if (isEngineTable(table)) return;
    else this.#passageUnknown = true;
    this.#repair ??= this.#repairSoon();
  }

  #loseWatch(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#forget();
    this.#repair ??= this.#repairSoon();
  }

  async #repairSoon(): Promise<void> {
    const pause = (ms: number) => sleep(ms, undefined, { ref: false, signal: this.#closing.signal });
    try {
      await pause(SETTLE_MS);
      while (!this.#installed || this.#passageUnknown) {
        if (!this.#installed) this.#log.warn({}, 'somebody changed our nftables tables; putting them back');
        await this.#carryOutSoon().catch((err) => this.#log.warn({ err }, 'cannot put the nftables tables back'));
        await pause(REPAIR_INTERVAL_MS);
      }
    } catch {
      // Closing.
    } finally {
      this.#repair = undefined;
    }
  }
}

const identityOf = ({ family, set, key, data }: TableElement): string =>
  [family, set, Buffer.from(key).toString('hex'), data && Buffer.from(data).toString('hex')].join(' ');
