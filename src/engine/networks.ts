import { isEngineError } from '#/base/errors.ts';
import type { EventBus } from '#/events/events.ts';
import type { CreatedNetwork, Endpoint, Network, NetworkSpec, Networks } from '#/network/network.ts';
import { isPredefinedNetwork } from '#/network/predefined.ts';

/** What embedders and front doors may do with networks. A reference is a name, an id or an id prefix. */
export interface NetworkOperations {
  /** Oldest first. */
  list(): readonly Network[];
  get(reference: string): Network;
  create(spec: NetworkSpec): Promise<CreatedNetwork>;
  remove(reference: string): Promise<void>;
  /** Of the running containers on it. */
  endpointsOn(network: Network): readonly Endpoint[];
  /** `bridge`, `host` and `none`, which always are. */
  isPredefined(network: Network): boolean;
  /** Removes those of the networks that users made and no running container is on; the removed ones. */
  prune(isWanted: (network: Network) => boolean): Promise<readonly Network[]>;
}

export function bindNetworks(networks: Networks, events: EventBus): NetworkOperations {
  const isPredefined = ({ name }: Network): boolean => isPredefinedNetwork(name);
  const endpointsOn = ({ id }: Network) => networks.endpointsOn(id);
  return {
    list: () => networks.list(),
    get: (reference) => networks.get(reference),
    create: (spec) => networks.create(spec),
    remove: (reference) => networks.remove(reference),
    endpointsOn,
    isPredefined,
    async prune(isWanted) {
      const unused = networks.list().filter((network) => !isPredefined(network) && endpointsOn(network).length === 0);
      const removed: Network[] = [];
      for (const network of unused.filter(isWanted)) {
        if (await isRemoved(networks, network)) removed.push(network);
      }
      events.publish({ type: 'network', action: 'prune', id: '', attributes: { reclaimed: '0' } });
      return removed;
    },
  };
}

/** False where a container came onto it, or somebody else removed it, meanwhile. */
async function isRemoved(networks: Networks, { id }: Network): Promise<boolean> {
  try {
    await networks.remove(id);
    return true;
  } catch (error) {
    if (isEngineError(error, 'permission-denied') || isEngineError(error, 'not-found')) return false;
    throw error;
  }
}
