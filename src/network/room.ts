import type { Clock } from '#/base/clock.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import type { Semaphore } from '#/base/semaphore.ts';
import type { EventBus } from '#/events/events.ts';
import type { Store } from '#/store/store.ts';
import type { Claims } from './claim.ts';
import type { DhcpClients } from './dhcp/dhcp.ts';
import type { NameServer } from './dns/name-server.ts';
import type { NetworkDriver } from './driver.ts';
import type { Firewall } from './firewall.ts';
import type { AddressPool } from './ipam.ts';
import type { Network, NetworkDriverName } from './network.ts';
import type { Ports } from './ports/ports.ts';
import type { Readiness } from './readiness.ts';
import type { NameTeller } from './served-names.ts';

/** What the verbs of this room work with. */
export interface NetworkRoom {
  readonly store: Store;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  readonly execRoot: string;
  readonly pools: readonly AddressPool[];
  /** Of those networks that containers connect to; `host` and `none` have none. */
  readonly drivers: Readonly<Partial<Record<NetworkDriverName, NetworkDriver>>>;
  readonly claims: Claims;
  /** Of endpoints on networks whose own server lends addresses. */
  readonly leases: DhcpClients;
  readonly firewall: Firewall;
  readonly names: NameServer;
  readonly teller: NameTeller;
  readonly ports: Ports;
  readonly readiness: Readiness;
  /** One change to a container's network at a time. */
  readonly containers: KeyedMutex<ContainerId>;
  /** One repair of a network at a time; by its id. */
  readonly repairs: KeyedMutex<string>;
  /** One network is made or removed at a time. */
  readonly changes: Semaphore;
  /** How many may talk to the kernel at once: to make interfaces, and to drop namespaces. */
  readonly lanes: Semaphore;
  readonly drops: Semaphore;
  /** Ids of networks that are being removed: nobody connects to them any more. */
  readonly leaving: Set<string>;
}

export const networkEvent = (
  action: 'create' | 'destroy' | 'connect' | 'disconnect',
  { id, name, driver }: Network,
  container?: ContainerId,
) => ({
  type: 'network' as const,
  action,
  id,
  attributes: { ...(container === undefined ? {} : { container }), name, type: driver },
});
