import { hostname } from 'node:os';
import type { ContainerRoom } from '#/container/room.ts';
import { initName } from '#/container/task-mounts.ts';
import type { EventBus } from '#/events/events.ts';
import type { Images } from '#/image/images.ts';
import type { LayerStore } from '#/layer/layer.ts';
import type { HostFacts } from '#/linux/host.ts';
import { countOpenFiles } from '#/linux/usage.ts';
import type { ContainerRuntime, RuntimeInfo } from '#/runtime/runtime.ts';
import { countContainersByStatus } from '#/store/containers.ts';
import type { Store } from '#/store/store.ts';
import { VERSION } from './version.ts';

/** What an engine says of itself and of its host. */
export interface EngineInfo {
  readonly id: string;
  readonly version: string;
  readonly hostname: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly dataRoot: string;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly storageStatus: readonly (readonly [string, string])[];
  readonly runtime: RuntimeInfo;
  readonly cgroupDriver: string;
  readonly cgroupVersion: '1' | '2';
  readonly initBinary: string;
  readonly securityOptions: readonly string[];
  readonly limits: {
    readonly memory: boolean;
    readonly swap: boolean;
    readonly cpuQuota: boolean;
    readonly cpuShares: boolean;
    readonly cpuset: boolean;
    readonly pids: boolean;
    readonly oomKillDisable: boolean;
  };
  readonly ipv4Forwarding: boolean;
  readonly openFiles: number;
  readonly eventListeners: number;
  /** What this host cannot do, and why, one line each. */
  readonly warnings: readonly string[];
}

export interface InfoSources {
  readonly id: string;
  readonly dataRoot: string;
  readonly store: Store;
  readonly events: EventBus;
  readonly images: Images;
  readonly layers: LayerStore;
  readonly runtime: ContainerRuntime;
  readonly host: HostFacts;
  readonly containers: ContainerRoom;
}

export function readEngineInfo(sources: InfoSources): EngineInfo {
  const { host, runtime, containers } = sources;
  const { limits } = host;
  return {
    id: sources.id,
    version: VERSION,
    hostname: hostname(),
    kernelVersion: host.kernelVersion,
    operatingSystem: host.operatingSystem,
    osVersion: host.operatingSystemVersion,
    cpus: host.cpuCount,
    memoryBytes: host.memoryBytes,
    dataRoot: sources.dataRoot,
    containers: countContainers(sources.store),
    images: sources.images.list().length,
    storageStatus: [
      ['EROFS', host.features.erofs.reason],
      ['Runtime', `${runtime.info.name} ${runtime.info.version}: ${runtime.info.reason}`],
    ],
    runtime: runtime.info,
    cgroupDriver: containers.settings.cgroupDriver,
    cgroupVersion: host.cgroups.mode === 'v2' ? '2' : '1',
    initBinary: initName(containers.settings.initPath),
    securityOptions: securityOptions(sources),
    limits: {
      memory: limits.memory.available,
      swap: limits.memorySwap.available,
      cpuQuota: limits.cpuQuota.available,
      cpuShares: limits.cpuShares.available,
      cpuset: limits.cpuset.available,
      pids: limits.pids.available,
      oomKillDisable: limits.oomKillDisable.available,
    },
    ipv4Forwarding: true,
    openFiles: countOpenFiles(),
    eventListeners: sources.events.subscriberCount,
    warnings: warningsOf(host),
  };
}

function countContainers(store: Store): EngineInfo['containers'] {
  const counts = new Map(countContainersByStatus(store).map(({ status, count }) => [status, count]));
  const of = (...statuses: readonly string[]): number =>
    statuses.reduce((sum, status) => sum + (counts.get(status) ?? 0), 0);
  return {
    running: of('running', 'restarting'),
    paused: of('paused'),
    stopped: of('created', 'exited', 'dead', 'removing'),
  };
}

function securityOptions({ host }: InfoSources): readonly string[] {
  const { features } = host;
  return [
    ...(features.apparmor.available ? ['name=apparmor'] : []),
    ...(features.seccomp.available ? ['name=seccomp,profile=builtin'] : []),
    ...(host.cgroups.mode === 'v2' ? ['name=cgroupns'] : []),
  ];
}

function warningsOf(host: HostFacts): readonly string[] {
  return Object.entries({ ...host.limits, ...host.features })
    .filter(([, { available }]) => !available)
    .map(([name, { reason }]) => `WARNING: no ${name}: ${reason}`);
}
