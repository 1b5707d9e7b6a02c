import type { ContainerConfig, NamespaceMode, RestartPolicy } from '#/engine/index.ts';
import { printMountSettings } from './print-mounts.ts';
import { printLinks, printNetworkMode } from './print-network.ts';
import { printPortBindings } from './print-ports.ts';

const NS_PER_MS = 1e6;
const keysOf = (names: readonly string[]): Record<string, object> | null =>
  names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, {}]));
const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

/** Docker's `Config` part of an inspect answer. */
export function printConfig(config: ContainerConfig): object {
  const { process } = config;
  return {
    Hostname: config.hostname,
    Domainname: config.domainname,
    User: process.user,
    AttachStdin: process.attach.stdin,
    AttachStdout: process.attach.stdout,
    AttachStderr: process.attach.stderr,
    ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: keysOf(config.exposedPorts) }),
    Tty: process.tty,
    OpenStdin: process.openStdin,
    StdinOnce: process.stdinOnce,
    Env: process.env,
    Cmd: orNull(process.command),
    ...printHealthcheck(config),
    Image: config.image.reference,
    Volumes: keysOf(config.volumes),
    WorkingDir: process.workingDir,
    Entrypoint: orNull(process.entrypoint),
    Labels: config.labels,
    ...(process.stopSignal === undefined ? {} : { StopSignal: process.stopSignal }),
    ...(process.stopTimeoutSec === undefined ? {} : { StopTimeout: process.stopTimeoutSec }),
  };
}

function printHealthcheck({ healthcheck }: ContainerConfig): object {
  if (healthcheck === undefined) return {};
  const duration = (name: string, valueMs: number): object => (valueMs === 0 ? {} : { [name]: valueMs * NS_PER_MS });
  return {
    Healthcheck: {
      Test: healthcheck.test,
      ...duration('Interval', healthcheck.intervalMs),
      ...duration('Timeout', healthcheck.timeoutMs),
      ...duration('StartPeriod', healthcheck.startPeriodMs),
      ...duration('StartInterval', healthcheck.startIntervalMs),
      ...(healthcheck.retries === 0 ? {} : { Retries: healthcheck.retries }),
    },
  };
}

const printNamespace = (mode: NamespaceMode): string =>
  mode.kind === 'container' ? `container:${mode.container}` : mode.kind === 'host' ? 'host' : '';

function printIpc(mode: ContainerConfig['namespaces']['ipc']): string {
  return mode.kind === 'container' ? `container:${mode.container}` : mode.kind;
}

function printRestartPolicy(policy: RestartPolicy): object {
  return { Name: policy.kind, MaximumRetryCount: policy.kind === 'on-failure' ? policy.retriesMax : 0 };
}

/** Docker's `HostConfig` of an inspect answer: what the client asked for, with the defaults filled in. */
export function printHostConfig(config: ContainerConfig, name: string): object {
  return {
    ...printMountSettings(config),
    ContainerIDFile: config.cidFile,
    LogConfig: { Type: config.log.driver, Config: config.log.options },
    NetworkMode: printNetworkMode(config.network.mode),
    PortBindings: printPortBindings(config.network.ports),
    RestartPolicy: printRestartPolicy(config.restartPolicy),
    AutoRemove: config.autoRemove,
    VolumeDriver: config.volumeDriver,
    VolumesFrom: orNull(config.volumesFrom),
    ConsoleSize: config.consoleSize,
    ...(Object.keys(config.annotations).length === 0 ? {} : { Annotations: config.annotations }),
    CapAdd: orNull(config.security.capAdd),
    CapDrop: orNull(config.security.capDrop),
    CgroupnsMode: config.namespaces.cgroup,
    Dns: config.network.dns,
    DnsOptions: config.network.dnsOptions,
    DnsSearch: config.network.dnsSearch,
    ExtraHosts: orNull(config.network.extraHosts),
    GroupAdd: orNull(config.process.groupAdd),
    IpcMode: printIpc(config.namespaces.ipc),
    Cgroup: '',
    Links: printLinks(config, name),
    OomScoreAdj: config.resources.oomScoreAdj ?? 0,
    PidMode: printNamespace(config.namespaces.pid),
    Privileged: config.security.privileged,
    PublishAllPorts: config.network.publishAll,
    ReadonlyRootfs: config.readOnlyRoot,
    SecurityOpt: orNull(config.security.options),
    UTSMode: config.namespaces.uts === 'host' ? 'host' : '',
    UsernsMode: config.namespaces.user === 'host' ? 'host' : '',
    ShmSize: config.shmSizeBytes,
    ...(Object.keys(config.sysctls).length === 0 ? {} : { Sysctls: config.sysctls }),
    Runtime: config.runtime ?? '',
    Isolation: '',
    ...printResources(config),
    ...(config.process.init === undefined ? {} : { Init: config.process.init }),
    MaskedPaths: config.security.maskedPaths ?? (config.security.privileged ? null : undefined),
    ReadonlyPaths: config.security.readonlyPaths ?? (config.security.privileged ? null : undefined),
  };
}

function printResources({ resources, devices, deviceCgroupRules, ulimits, cgroupParent }: ContainerConfig): object {
  const rates = (list: readonly { path: string; rate: number }[]) =>
    list.map(({ path, rate }) => ({ Path: path, Rate: rate }));
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memoryBytes ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: cgroupParent,
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: resources.blkioWeightDevices.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: rates(resources.readBpsDevices),
    BlkioDeviceWriteBps: rates(resources.writeBpsDevices),
    BlkioDeviceReadIOps: rates(resources.readIopsDevices),
    BlkioDeviceWriteIOps: rates(resources.writeIopsDevices),
    CpuPeriod: resources.cpuPeriodUs ?? 0,
    CpuQuota: resources.cpuQuotaUs ?? 0,
    CpuRealtimePeriod: resources.cpuRtPeriodUs ?? 0,
    CpuRealtimeRuntime: resources.cpuRtRuntimeUs ?? 0,
    CpusetCpus: resources.cpusetCpus ?? '',
    CpusetMems: resources.cpusetMems ?? '',
    Devices: devices.map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    DeviceCgroupRules: orNull(deviceCgroupRules),
    DeviceRequests: null,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? 0,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable ?? null,
    PidsLimit: resources.pidsLimit ?? null,
    Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
  };
}
