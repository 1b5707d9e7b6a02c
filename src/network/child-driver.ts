import { closeSync } from 'node:fs';
import { poll } from '#/base/delay.ts';
import { EngineError, errnoOf } from '#/base/errors.ts';
import { assertKind, type ChildLink, createOfKind } from '#/linux/child-link.ts';
import { deleteLink } from '#/linux/link.ts';
import type { NetlinkRequest } from '#/linux/netlink.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex, insideNetns, openNamespace } from '#/linux/netns.ts';
import { configureInterface } from './configure-interface.ts';
import type { NetworkDriver } from './driver.ts';
import type { Network } from './network.ts';
import { checkParent, ensureParent, parentNameOf, removeParent } from './parent-interface.ts';
import type { EndpointRecord } from './records.ts';

/** What tells macvlan and ipvlan apart. */
export interface ChildKind {
  readonly kind: 'macvlan' | 'ipvlan';
  /** Throws invalid-argument for the options, permission-denied for what `neighbours`, on the same parent, do not allow. */
  check(network: Network, neighbours: readonly Network[]): void;
  create(network: Network, endpoint: EndpointRecord, place: ChildLink): NetlinkRequest;
}

/** A driver whose endpoints are interfaces on top of one of the host's. `networks` are all that exist. */
export function openChildDriver(own: ChildKind, networks: () => readonly Network[]): NetworkDriver {
  const neighboursOf = (network: Network): readonly Network[] =>
    networks().filter(
      (other) => isChild(other) && other.id !== network.id && parentNameOf(other) === parentNameOf(network),
    );
  return {
    check(network) {
      const neighbours = neighboursOf(network).filter(({ driver }) => driver === own.kind);
      own.check(network, neighbours);
      assertKind(own.kind);
      checkParent(network);
    },
    ensure: async (network) => void (await ensureParent(network)),
    async remove(network) {
      if (neighboursOf(network).length === 0) await removeParent(network);
    },
    async furnish(network, endpoint, path) {
      if (insideNetns(path, () => findLinkIndex(endpoint.interfaceName)) === undefined) {
        await bear(own, network, endpoint, path);
      }
      await raise(endpoint, path);
    },
    async unfurnish(_network, endpoint, path) {
      using netlink = insideNetns(path, () => openNetlink());
      await netlink.batch([deleteLink(endpoint.interfaceName)]);
    },
  };
}

/**
 * A namespace that was dropped keeps its interfaces, and with them their MAC addresses, until the kernel has taken it down,
 * some 50 ms later. Throws conflict where the address is still in use after that.
 */
async function raise(endpoint: EndpointRecord, path: string): Promise<void> {
  const isUp = await poll(
    async () => {
      try {
        await configureInterface(endpoint, path);
        return true;
      } catch (error) {
        if (errnoOf(error) !== 'EADDRINUSE') throw error;
        return undefined;
      }
    },
    { intervalMs: 20, timeoutMs: 1000 },
  );
  if (isUp) return;
  const { macAddress, networkName } = endpoint;
  throw new EngineError('conflict', `MAC address ${macAddress} is already in use on network ${networkName}`);
}

const isChild = ({ driver }: Network): boolean => driver === 'macvlan' || driver === 'ipvlan';

/** The kernel makes the interface where it belongs, so that it is never seen on the host. */
async function bear(own: ChildKind, network: Network, endpoint: EndpointRecord, path: string): Promise<void> {
  const parentIndex = await ensureParent(network);
  using netlink = openNetlink();
  const netnsFd = openNamespace(path);
  try {
    const place = { parentIndex, netnsFd, name: endpoint.interfaceName };
    await createOfKind(netlink, own.kind, own.create(network, endpoint, place));
  } finally {
    closeSync(netnsFd);
  }
}
