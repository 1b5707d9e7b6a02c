import { isIP } from 'node:net';
import type { ContainerId } from '#/base/ids.ts';
import { addressValue } from '#/linux/nft-values.ts';
import type { NamedEndpoint, NamedNetwork } from './name-server.ts';
import { type AnswerRecord, TYPE_A, TYPE_AAAA } from './wire.ts';

/**
 * Docker says 600, and whoever believes it (nginx, the JVM, systemd-resolved) calls a container that was made anew at its old
 * address for ten minutes. Asking again costs 0.1 ms.
 */
export const TTL_SECONDS = 10;

/** An endpoint with what is answered when its name is asked for. */
export interface IndexedEndpoint {
  readonly endpoint: NamedEndpoint;
  /** What reverse look-ups say; undefined where it has no name. */
  readonly firstName: string | undefined;
  readonly records: readonly AnswerRecord[];
}

/** A network for quick look-ups; all names in lower case. */
export interface IndexedNetwork {
  readonly name: string;
  readonly internal: boolean;
  readonly servesNames: boolean;
  readonly byName: ReadonlyMap<string, readonly IndexedEndpoint[]>;
  /** By the hexadecimal digits of the address. */
  readonly byAddress: ReadonlyMap<string, IndexedEndpoint>;
  readonly byContainer: ReadonlyMap<ContainerId, NamedEndpoint>;
}

export function indexNetwork({ name, internal, servesNames, endpoints }: NamedNetwork): IndexedNetwork {
  const byName = new Map<string, IndexedEndpoint[]>();
  const byAddress = new Map<string, IndexedEndpoint>();
  for (const endpoint of endpoints) {
    const indexed = indexEndpoint(endpoint);
    for (const { data } of indexed.records) byAddress.set(Buffer.from(data).toString('hex'), indexed);
    for (const called of new Set(endpoint.names.map((text) => text.toLowerCase()))) {
      const others = byName.get(called);
      if (others === undefined) byName.set(called, [indexed]);
      else others.push(indexed);
    }
  }
  const byContainer = new Map(endpoints.map((endpoint) => [endpoint.containerId, endpoint]));
  return { name: name.toLowerCase(), internal, servesNames, byName, byAddress, byContainer };
}

const indexEndpoint = (endpoint: NamedEndpoint): IndexedEndpoint => ({
  endpoint,
  firstName: endpoint.names[0]?.toLowerCase(),
  records: addressRecords([endpoint.ipv4Address, endpoint.ipv6Address]),
});

/** '' is no address, nor is what cannot be read as one. */
export const addressRecords = (addresses: readonly string[]): readonly AnswerRecord[] =>
  addresses
    .filter((address) => isIP(address) !== 0)
    .map(addressValue)
    .map((data) => ({ type: data.length === 4 ? TYPE_A : TYPE_AAAA, ttlSeconds: TTL_SECONDS, data }));
