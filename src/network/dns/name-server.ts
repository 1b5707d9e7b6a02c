import type { ContainerId } from '#/base/ids.ts';

/** Where containers find their resolver, in their own namespace. */
export const NAME_SERVER_ADDRESS = '127.0.0.11';

/**
 * Serves names inside containers' namespaces and, for `<container>.gantry.internal`, on a loopback address of the host.
 * One worker thread for all. Answers come from what `setEndpoints` told last; the rest is forwarded.
 */
export interface NameServer {
  /** Starts the worker, which takes a quarter of a second, so that the first container need not wait for it. Idempotent. */
  warmUp(): void;
  /** Serves the namespace at `path` from now on (udp and tcp); again after a restart of the engine. Idempotent. */
  attach(container: ContainerId, path: string, settings: NameServerSettings): Promise<void>;
  detach(container: ContainerId): Promise<void>;
  /** Replaces what is known of a network; an empty list forgets it. Cheap: called at every connect and disconnect. */
  setEndpoints(networkId: string, network: NamedNetwork | undefined): void;
  close(): Promise<void>;
}

export interface NameServerSettings {
  /**
   * Resolvers to forward to, asked from inside the container's namespace; empty means the host's, asked from the host's and
   * read again when they change.
   */
  readonly upstreams: readonly string[];
}

export interface NamedNetwork {
  readonly name: string;
  /** Containers that are on internal networks only never ask the host's resolvers. */
  readonly internal: boolean;
  /** Names are served only on user-defined networks; the default bridge has none inside, but the host asks for all. */
  readonly servesNames: boolean;
  readonly endpoints: readonly NamedEndpoint[];
}

export interface NamedEndpoint {
  readonly containerId: ContainerId;
  /** Lower and upper case are one. */
  readonly names: readonly string[];
  readonly links: Readonly<Record<string, string>>;
  /** '' where it has none. */
  readonly ipv4Address: string;
  readonly ipv6Address: string;
  /** What `host.docker.internal` is to this container: the host's addresses on the network; empty where there are none. */
  readonly gateways: readonly string[];
  /** Where several networks know a name, that of the asking container's highest is taken. */
  readonly gatewayPriority: number;
}
