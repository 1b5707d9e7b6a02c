import type { ContainerId } from '#/base/ids.ts';

/**
 * Networks and endpoints.
 *
 * Words. A *network* is a driver and its settings; an *endpoint* is one container's interface on it; the *sandbox* is the
 * container's network namespace, named by its id, bind-mounted at `path` so that it lives without a process.
 *
 * Life: `openSandbox` makes the namespace with `lo` up; `connect` adds one endpoint (addresses from ipam rows, veth, routes);
 * `closeSandbox` drops the namespace, and with it every link, then the rows. All idempotent, all by the container's id.
 */
export interface Networks {
  /** The networks that exist: at least `bridge`, `host` and `none`. */
  list(): readonly Network[];
  /** By name, id or unambiguous id prefix. Throws not-found (Docker's text). */
  get(reference: string): Network;

  openSandbox(container: ContainerId): Promise<Sandbox>;
  connect(container: ContainerId, request: ConnectRequest): Promise<Endpoint>;
  closeSandbox(container: ContainerId): Promise<void>;
  /** Containers that have a sandbox or endpoint rows here, whoever made them. */
  listSandboxes(): Promise<readonly ContainerId[]>;
  endpointsOf(container: ContainerId): readonly Endpoint[];
  /** Puts back what a stranger took away (bridge, nft table, forwarding); idempotent; at start and on demand. */
  repair(): Promise<void>;
  /** Leaves networks and running sandboxes as they are. */
  close(): Promise<void>;
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: 'bridge' | 'host' | 'null';
  readonly createdAtMs: number;
  /** Interface of the bridge on the host; undefined for host and null. */
  readonly bridgeName: string | undefined;
  readonly ipam: readonly { readonly subnet: string; readonly gateway: string }[];
  readonly options: Readonly<Record<string, string>>;
}

export interface Sandbox {
  /** A file to `setns` to; goes into the OCI config. */
  readonly path: string;
}

export interface ConnectRequest {
  /** Name or id. */
  readonly network: string;
  readonly macAddress?: string;
  readonly ipv4Address?: string;
}

export interface Endpoint {
  readonly endpointId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly macAddress: string;
  readonly ipv4Address: string;
  readonly ipv4PrefixLength: number;
  readonly gateway: string;
  /** Name inside the container. */
  readonly interfaceName: string;
}
