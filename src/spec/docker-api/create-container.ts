import { z } from 'zod';
import { flag, int, nullable, text, textMap, texts } from './fields.ts';
import { EndpointSettingsBody, PortMapBody } from './network.ts';

/**
 * The body of `POST /containers/create`, checked. Names are Docker's. What clients send as null means absent; keys that are
 * not named here are ignored, as dockerd ignores them.
 * Source: docker-engine-api v1.51, definitions ContainerConfig, HostConfig, NetworkingConfig.
 */
const keySet = nullable(z.record(z.string(), z.unknown()));
/** Older clients send a command as one string. */
const command = nullable(z.union([z.string().transform((one) => [one]), z.array(z.string())]));

const Healthcheck = nullable(
  z.object({ Test: texts, Interval: int, Timeout: int, StartPeriod: int, StartInterval: int, Retries: int }),
);

const DeviceRates = nullable(z.array(z.object({ Path: z.string(), Rate: z.number() })));

const Mount = z.object({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: nullable(
    z.object({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: nullable(
    z.object({
      NoCopy: flag,
      Labels: textMap,
      DriverConfig: nullable(z.object({ Name: text, Options: textMap })),
      Subpath: text,
    }),
  ),
  ImageOptions: nullable(z.object({ Subpath: text })),
  TmpfsOptions: nullable(z.object({ SizeBytes: int, Mode: int, Options: nullable(z.array(z.array(z.string()))) })),
});

const HostConfig = z.object({
  CpuShares: int,
  Memory: int,
  CgroupParent: text,
  BlkioWeight: int,
  BlkioWeightDevice: nullable(z.array(z.object({ Path: z.string(), Weight: z.int() }))),
  BlkioDeviceReadBps: DeviceRates,
  BlkioDeviceWriteBps: DeviceRates,
  BlkioDeviceReadIOps: DeviceRates,
  BlkioDeviceWriteIOps: DeviceRates,
  CpuPeriod: int,
  CpuQuota: int,
  CpuRealtimePeriod: int,
  CpuRealtimeRuntime: int,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: nullable(z.array(z.object({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text }))),
  DeviceCgroupRules: texts,
  DeviceRequests: nullable(z.array(z.unknown())),
  KernelMemory: int,
  KernelMemoryTCP: int,
  MemoryReservation: int,
  MemorySwap: int,
  MemorySwappiness: int,
  NanoCpus: int,
  OomKillDisable: flag,
  Init: flag,
  PidsLimit: int,
  Ulimits: nullable(z.array(z.object({ Name: z.string(), Soft: z.int(), Hard: z.int() }))),
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: nullable(z.object({ Type: text, Config: textMap })),
  NetworkMode: text,
  PortBindings: PortMapBody,
  RestartPolicy: nullable(z.object({ Name: text, MaximumRetryCount: int })),
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  Mounts: nullable(z.array(Mount)),
  ConsoleSize: nullable(z.array(z.int())),
  Annotations: textMap,
  CapAdd: texts,
  CapDrop: texts,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  OomScoreAdj: int,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: textMap,
  Tmpfs: textMap,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: int,
  Sysctls: textMap,
  Runtime: text,
  Isolation: text,
  MaskedPaths: texts,
  ReadonlyPaths: texts,
});

export const CreateContainerBody = z.object({
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: keySet,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: command,
  Healthcheck,
  Image: text,
  Volumes: keySet,
  WorkingDir: text,
  Entrypoint: command,
  NetworkDisabled: flag,
  MacAddress: text,
  Labels: textMap,
  StopSignal: text,
  StopTimeout: int,
  HostConfig: nullable(HostConfig),
  NetworkingConfig: nullable(z.object({ EndpointsConfig: nullable(z.record(z.string(), EndpointSettingsBody)) })),
});

export type CreateContainerRequest = z.output<typeof CreateContainerBody>;
export type HostConfigRequest = z.output<typeof HostConfig>;
export type MountRequest = z.output<typeof Mount>;
