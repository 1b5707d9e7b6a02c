import { arch } from 'node:os';
import { rfc3339Nano } from '#/base/clock.ts';
import type { Engine } from '#/engine/index.ts';
import type { SystemInfo, SystemVersion } from '#/spec/docker-api/system.ts';
import { sendJson } from '../answer.ts';
import type { HttpCall, Route } from '../router.ts';
import { API_VERSION_MAX, API_VERSION_MIN } from '../version.ts';

export const SYSTEM_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/_ping', handle: (call) => ping(call, 'OK') },
  { kind: 'http', method: 'HEAD', path: '/_ping', handle: (call) => ping(call, '') },
  {
    kind: 'http',
    method: 'GET',
    path: '/version',
    handle: ({ engine, response }) => sendJson(response, 200, printVersion(engine)),
  },
  {
    kind: 'http',
    method: 'GET',
    path: '/info',
    handle: ({ engine, response }) => sendJson(response, 200, printInfo(engine)),
  },
];

function ping({ response }: HttpCall, body: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Content-Length': 2,
  });
  response.end(body);
}

const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function printVersion(engine: Engine): SystemVersion {
  const info = engine.info();
  const goArch = GO_ARCH[arch()] ?? arch();
  return {
    Platform: { Name: 'Gantry' },
    Components: [
      {
        Name: 'Engine',
        Version: info.version,
        Details: {
          ApiVersion: API_VERSION_MAX,
          Arch: goArch,
          Experimental: 'false',
          KernelVersion: info.kernelVersion,
          MinAPIVersion: API_VERSION_MIN,
          NodeVersion: process.version,
          Os: 'linux',
        },
      },
      { Name: info.runtime.name, Version: info.runtime.version, Details: {} },
      { Name: 'conmon', Version: info.runtime.monitorVersion, Details: {} },
    ],
    Version: info.version,
    ApiVersion: API_VERSION_MAX,
    MinAPIVersion: API_VERSION_MIN,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: goArch,
    KernelVersion: info.kernelVersion,
    Experimental: false,
    BuildTime: '',
  };
}

const UNAME_ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

function printInfo(engine: Engine): SystemInfo {
  const info = engine.info();
  const { limits } = info;
  return {
    ID: info.id,
    Containers: info.containers.running + info.containers.paused + info.containers.stopped,
    ContainersRunning: info.containers.running,
    ContainersPaused: info.containers.paused,
    ContainersStopped: info.containers.stopped,
    Images: info.images,
    Driver: engine.storageDriver,
    DriverStatus: info.storageStatus,
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
      Authorization: null,
      Log: ['json-file', 'local', 'none'],
    },
    MemoryLimit: limits.memory,
    SwapLimit: limits.swap,
    CpuCfsPeriod: limits.cpuQuota,
    CpuCfsQuota: limits.cpuQuota,
    CPUShares: limits.cpuShares,
    CPUSet: limits.cpuset,
    PidsLimit: limits.pids,
    OomKillDisable: limits.oomKillDisable,
    IPv4Forwarding: info.ipv4Forwarding,
    Debug: false,
    NFd: info.openFiles,
    NGoroutines: 1,
    SystemTime: rfc3339Nano(Date.now()),
    LoggingDriver: 'json-file',
    CgroupDriver: info.cgroupDriver,
    CgroupVersion: info.cgroupVersion,
    NEventsListener: info.eventListeners,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: 'linux',
    Architecture: UNAME_ARCH[arch()] ?? arch(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128'], IndexConfigs: {}, Mirrors: [] },
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    GenericResources: null,
    DockerRootDir: info.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: info.hostname,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: info.version,
    Runtimes: { [info.runtime.name]: { path: info.runtime.path } },
    DefaultRuntime: info.runtime.name,
    Swarm: { LocalNodeState: 'inactive', NodeID: '' },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: info.initBinary,
    SecurityOptions: info.securityOptions,
    Warnings: info.warnings,
  };
}
