import type { ContainerId } from '#/base/ids.ts';

/**
 * Networks, endpoints and published ports.
 *
 * Words. A *network* is a driver and its settings; an *endpoint* is one container's interface on it; the *sandbox* is the
 * container's network namespace, named by its id, bind-mounted at `path` so that it lives without a process.
 *
 * Life: `openSandbox` makes the namespace with `lo` up; `connect` adds one endpoint (addresses from ipam rows, interface,
 * routes, names); `publish` opens ports of the host; `closeSandbox` takes back the ports, drops the namespace, and with it
 * every link, then the rows. All idempotent, all by the container's id. What an engine that died left running (names served,
 * ports, rules) is served again by the next one that opens.
 */
export interface Networks {
  /** The networks that exist: at least `bridge`, `host` and `none`. Oldest first. */
  list(): readonly Network[];
  /** By name, id or unambiguous id prefix. Throws not-found (Docker's text). */
  get(reference: string): Network;
  /** Throws conflict for a name in use, permission-denied for an overlapping subnet…, with Docker's texts; nothing is made then. */
  create(spec: NetworkSpec): Promise<CreatedNetwork>;
  /** Throws permission-denied while endpoints exist and for the predefined ones, with Docker's texts. */
  remove(reference: string): Promise<void>;

  openSandbox(container: ContainerId, settings: SandboxSettings): Promise<Sandbox>;
  /** Also while the container runs. Connecting again changes nothing and returns the endpoint. */
  connect(container: ContainerId, request: ConnectRequest): Promise<Endpoint>;
  /** Also while the container runs. Throws not-found where there is no such endpoint. */
  disconnect(container: ContainerId, network: string): Promise<void>;
  /**
   * Opens exactly these ports for the container and closes the others that it had; also while it runs. Needs the endpoints.
   * Throws conflict, with Docker's text, where the host's port is in use by anybody; nothing has changed then.
   */
  publish(container: ContainerId, ports: readonly PortBinding[]): Promise<readonly PublishedPort[]>;
  /** The container's names by which others on a network find it, after a rename. */
  rename(container: ContainerId, names: EndpointNames, network: string): Promise<void>;
  closeSandbox(container: ContainerId): Promise<void>;

  /** Containers that have a sandbox or endpoint rows here, whoever made them. */
  listSandboxes(): Promise<readonly ContainerId[]>;
  /** The endpoint of the default gateway first. */
  endpointsOf(container: ContainerId): readonly Endpoint[];
  endpointsOn(network: string): readonly Endpoint[];
  portsOf(container: ContainerId): readonly PublishedPort[];
  /** Puts back what a stranger took away (bridges, nft table, forwarding); idempotent; at start, on notice and on demand. */
  repair(): Promise<void>;
  /** Leaves networks and running sandboxes as they are. */
  close(): Promise<void>;
}

export type NetworkDriverName = 'bridge' | 'host' | 'null' | 'macvlan' | 'ipvlan';

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriverName;
  readonly createdAtMs: number;
  /** Interface of the bridge on the host; undefined for other drivers. */
  readonly bridgeName: string | undefined;
  /** IPv4 pools and IPv6 pools, in the order in which they were asked for. */
  readonly ipam: readonly IpamPool[];
  /** `default`, or `dhcp` (macvlan: addresses come from the network's own server); as asked for. */
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>>;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  /** No way in or out. */
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Driver options as asked for: `com.docker.network.bridge.name`, `parent`, … */
  readonly options: Readonly<Record<string, string>>;
}

/** Textual addresses, in the printed form of the kernel; `subnet` and `ipRange` with a prefix length. */
export interface IpamPool {
  readonly subnet: string;
  /** '' where the network has none (internal macvlan…). */
  readonly gateway: string;
  readonly ipRange?: string;
  /** Name to address: never given to a container. */
  readonly auxAddresses?: Readonly<Record<string, string>>;
}

/** What a caller asks for; what is undefined is chosen. */
export interface NetworkSpec {
  readonly name: string;
  /** As written; unknown ones are not-found, with Docker's text. */
  readonly driver: string;
  readonly ipam: readonly { readonly [Key in keyof IpamPool]?: IpamPool[Key] | undefined }[];
  readonly ipamDriver?: string;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  /** Undefined means the driver's default: true. */
  readonly enableIpv4?: boolean;
  readonly enableIpv6?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
}

export interface CreatedNetwork {
  readonly network: Network;
  readonly warnings: readonly string[];
}

/** How names are looked up in a container. */
export interface SandboxSettings {
  /** Resolvers to forward to (`--dns`); empty means the host's. */
  readonly dnsServers: readonly string[];
}

export interface Sandbox {
  /** A file to `setns` to; goes into the OCI config. */
  readonly path: string;
}

/** The names of one endpoint on its network. */
export interface EndpointNames {
  /** Container name, short id, aliases (compose's service name): what others on the network call it. The first is told to reverse look-ups. */
  readonly own: readonly string[];
  /** What only this container calls others: alias → name (of an endpoint on the same network). */
  readonly links: Readonly<Record<string, string>>;
}

export interface ConnectRequest {
  /** Name or id. */
  readonly network: string;
  readonly names: EndpointNames;
  readonly macAddress?: string;
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  /** Of endpoints, that with the highest is the default gateway; 0 by default; ties go to the first network by name. */
  readonly gatewayPriority?: number;
  /** `com.docker.network.endpoint.sysctls`, `gantry.rate` (bandwidth), … */
  readonly driverOptions?: Readonly<Record<string, string>>;
}

export interface Endpoint {
  readonly endpointId: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly containerId: ContainerId;
  readonly macAddress: string;
  /** '' where it has none. */
  readonly ipv4Address: string;
  readonly ipv4PrefixLength: number;
  readonly gateway: string;
  /** '' where it has none. */
  readonly ipv6Address: string;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string;
  /** Name inside the container. */
  readonly interfaceName: string;
  readonly names: EndpointNames;
  readonly gatewayPriority: number;
  readonly driverOptions: Readonly<Record<string, string>>;
}

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** One port to publish, as asked for. */
export interface PortBinding {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  /** Of the host. '' means all of them, v4 and v6, or what the network's `host_binding_ipv4` says. A path that begins with `/` is a unix socket of the host. */
  readonly hostAddress: string;
  /** 0 means a free one; with an end that differs, one of the range. */
  readonly hostPort: number;
  readonly hostPortEnd: number;
}

/** One port that is open. `0.0.0.0` and `::` are two of them, with one port number. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}
