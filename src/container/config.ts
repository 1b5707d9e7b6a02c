import type { DiffId, ImageId } from '#/base/ids.ts';
import type { PortBinding } from '#/network/network.ts';

/**
 * What a container is, decided at create (the row `containers.config`). Only networks, ports and restart policy change later.
 * Docker's HostConfig and Config are translated to and from it at the door (`api/`). Sizes in bytes, CPU in nano-CPUs.
 */
export interface ContainerConfig {
  /** `layers` (bottom first) are kept here, since the image may be removed before its container. */
  readonly image: { readonly reference: string; readonly id: ImageId; readonly layers: readonly DiffId[] };
  readonly process: ContainerProcess;
  readonly hostname: string;
  readonly domainname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** `80/tcp`. */
  readonly exposedPorts: readonly string[];
  /** Paths that the image or the caller declared as volumes. */
  readonly volumes: readonly string[];
  readonly healthcheck: Healthcheck | undefined;
  readonly network: NetworkSettings;
  readonly namespaces: Namespaces;
  readonly mounts: readonly MountSpec[];
  /** `CONTAINER[:MODE]` as written; create has put what they mount into `mounts`. */
  readonly volumesFrom: readonly string[];
  /** Of volumes for which nothing else names one; '' means local. */
  readonly volumeDriver: string;
  readonly shmSizeBytes: number;
  readonly readOnlyRoot: boolean;
  readonly security: SecuritySettings;
  readonly devices: readonly DeviceSpec[];
  readonly deviceCgroupRules: readonly string[];
  readonly resources: ResourceLimits;
  readonly ulimits: readonly Ulimit[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly restartPolicy: RestartPolicy;
  readonly autoRemove: boolean;
  readonly log: { readonly driver: 'json-file' | 'local' | 'none'; readonly options: Readonly<Record<string, string>> };
  readonly runtime: string | undefined;
  readonly cgroupParent: string;
  /** Recorded for inspect; the client wrote the file. */
  readonly cidFile: string;
  /** Initial terminal size, rows and columns. */
  readonly consoleSize: readonly [number, number];
}

export interface ContainerProcess {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  /** '' means '/'. */
  readonly workingDir: string;
  /** As written: `name`, `uid`, `name:group`, …; '' means root. */
  readonly user: string;
  readonly groupAdd: readonly string[];
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** As written; undefined means SIGTERM. */
  readonly stopSignal: string | undefined;
  readonly stopTimeoutSec: number | undefined;
  /** Undefined means the daemon's default. */
  readonly init: boolean | undefined;
}

/** Durations in milliseconds. */
export interface Healthcheck {
  readonly test: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

export type NetworkMode =
  | { readonly kind: 'network'; readonly name: string }
  | { readonly kind: 'host' }
  | { readonly kind: 'none' }
  | { readonly kind: 'container'; readonly container: string };

export interface NetworkSettings {
  readonly mode: NetworkMode;
  /** The networks that it is to be on, by name, with what was asked for on each; `host` and `none` stand there too. Main one first. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly ports: readonly PortBinding[];
  /** `-P`: every exposed port on a free one of the host. */
  readonly publishAll: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address`. */
  readonly extraHosts: readonly string[];
}

export interface EndpointSettings {
  readonly aliases: readonly string[];
  /** `container` or `container:alias`. */
  readonly links: readonly string[];
  readonly macAddress: string | undefined;
  readonly ipv4Address: string | undefined;
  readonly ipv6Address: string | undefined;
  readonly gatewayPriority: number;
  readonly driverOptions: Readonly<Record<string, string>>;
}

export type NamespaceMode =
  | { readonly kind: 'private' }
  | { readonly kind: 'host' }
  | { readonly kind: 'container'; readonly container: string };

export interface Namespaces {
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode | { readonly kind: 'none' } | { readonly kind: 'shareable' };
  readonly uts: 'private' | 'host';
  readonly cgroup: 'private' | 'host';
  readonly user: 'daemon' | 'host';
}

export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

/** A mount below the container's root, with where it came from; undefined where the caller asked for it. */
export type MountSpec = MountKind & {
  /** `declared` by the image or `Config.Volumes`; taken over from another container by `--volumes-from`. */
  readonly origin?: 'declared' | 'volumes-from';
};

type MountKind =
  | {
      readonly kind: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly propagation: Propagation;
      readonly recursive: boolean;
      /** Whether what is mounted below the source becomes read-only too. */
      readonly readOnlyRecursive: 'preferred' | 'required' | 'no';
      /** `-v` makes a missing source directory, `--mount` refuses it. */
      readonly createSource: boolean;
      /** The mode as written in `-v src:dst:MODE`; undefined for `--mount`. */
      readonly writtenMode: string | undefined;
    }
  | {
      readonly kind: 'volume';
      /** '' until create has given an anonymous one its name. */
      readonly name: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** The image's content at the target is copied into an empty volume. */
      readonly copyUp: boolean;
      /** A path below the volume's root; undefined means the whole. */
      readonly subpath: string | undefined;
      /** What to make the volume with where it is missing. */
      readonly driver: string;
      readonly driverOptions: Readonly<Record<string, string>>;
      readonly labels: Readonly<Record<string, string>>;
      readonly anonymous: boolean;
      /** The mode as written in `-v name:dst:MODE`; undefined for `--mount`. */
      readonly writtenMode: string | undefined;
    }
  | {
      readonly kind: 'image';
      /** As written; resolved at create to `imageId` and `layers`, bottom first. */
      readonly reference: string;
      readonly imageId: ImageId | undefined;
      readonly layers: readonly DiffId[];
      readonly target: string;
      readonly subpath: string | undefined;
    }
  | {
      readonly kind: 'tmpfs';
      readonly target: string;
      readonly sizeBytes: number | undefined;
      readonly mode: number | undefined;
      /** Further mount options as written in `--tmpfs path:OPTIONS`. */
      readonly options: readonly string[];
      /** What followed `--tmpfs TARGET:`; undefined for `--mount`. */
      readonly writtenOptions: string | undefined;
    };

export interface SecuritySettings {
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly seccomp:
    | { readonly kind: 'default' }
    | { readonly kind: 'unconfined' }
    | { readonly kind: 'profile'; readonly json: string };
  readonly apparmorProfile: string | undefined;
  /** Undefined means the defaults. */
  readonly maskedPaths: readonly string[] | undefined;
  readonly readonlyPaths: readonly string[] | undefined;
  /** The options as written, for inspect. */
  readonly options: readonly string[];
}

export interface DeviceSpec {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Some of `r`, `w`, `m`. */
  readonly permissions: string;
}

/** Undefined means not limited. */
export interface ResourceLimits {
  readonly memoryBytes: number | undefined;
  readonly memoryReservationBytes: number | undefined;
  /** Memory and swap together; -1 is unlimited. */
  readonly memorySwapBytes: number | undefined;
  readonly memorySwappiness: number | undefined;
  readonly kernelMemoryBytes: number | undefined;
  readonly oomKillDisable: boolean | undefined;
  readonly oomScoreAdj: number | undefined;
  readonly nanoCpus: number | undefined;
  readonly cpuShares: number | undefined;
  readonly cpuPeriodUs: number | undefined;
  readonly cpuQuotaUs: number | undefined;
  readonly cpuRtPeriodUs: number | undefined;
  readonly cpuRtRuntimeUs: number | undefined;
  readonly cpusetCpus: string | undefined;
  readonly cpusetMems: string | undefined;
  readonly pidsLimit: number | undefined;
  readonly blkioWeight: number | undefined;
  readonly blkioWeightDevices: readonly { readonly path: string; readonly weight: number }[];
  readonly readBpsDevices: readonly DeviceRate[];
  readonly writeBpsDevices: readonly DeviceRate[];
  readonly readIopsDevices: readonly DeviceRate[];
  readonly writeIopsDevices: readonly DeviceRate[];
}

export interface DeviceRate {
  readonly path: string;
  readonly rate: number;
}

export interface Ulimit {
  /** `nofile`. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export type RestartPolicy =
  | { readonly kind: 'no' }
  | { readonly kind: 'always' }
  | { readonly kind: 'unless-stopped' }
  | { readonly kind: 'on-failure'; readonly retriesMax: number };

/**
 * What a caller asks for. As ContainerConfig, but what the image may supply is optional: an undefined `entrypoint` is the
 * image's, an empty one clears it; `env`, `labels`, `exposedPorts` and `volumes` are merged over the image's.
 */
export interface ContainerSpec extends Omit<ContainerConfig, 'image' | 'process' | 'hostname' | 'annotations'> {
  /** Docker's rules apply; undefined means a generated one. */
  readonly name: string | undefined;
  /** Reference, id or id prefix. */
  readonly image: string;
  readonly platform: string | undefined;
  readonly hostname: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly process: Omit<ContainerProcess, 'entrypoint' | 'command' | 'workingDir' | 'user'> & {
    readonly entrypoint: readonly string[] | undefined;
    readonly command: readonly string[] | undefined;
    readonly workingDir: string | undefined;
    readonly user: string | undefined;
  };
}
