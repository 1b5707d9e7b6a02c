import { EngineError } from '#/base/errors.ts';
import type {
  ContainerSpec,
  Healthcheck,
  NamespaceMode,
  ResourceLimits,
  RestartPolicy,
  SecuritySettings,
} from '#/engine/index.ts';
import type { CreateContainerRequest, HostConfigRequest } from '#/spec/docker-api/create-container.ts';
import { parseLog } from './parse-log.ts';
import { parseMounts, parseVolumesFrom } from './parse-mounts.ts';
import { parseNetwork } from './parse-network.ts';
import { parseExposedPorts } from './parse-ports.ts';

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);
const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;
const NS_PER_MS = 1e6;

/** Docker's create request as Gantry's own ContainerSpec. Throws invalid-argument or not-implemented. */
export function parseContainerSpec(
  body: CreateContainerRequest,
  name: string | null,
  platform: string | null,
): ContainerSpec {
  const host = body.HostConfig ?? ({} as HostConfigRequest);
  if (body.Image === undefined || body.Image === '') throw invalid('no image specified');
  refuseWhatIsMissing(host);
  return {
    name: name ?? undefined,
    platform: platform === null || platform === '' ? undefined : platform,
    image: body.Image,
    process: parseProcess(body, host),
    hostname: body.Hostname === '' ? undefined : body.Hostname,
    domainname: body.Domainname ?? '',
    labels: body.Labels ?? {},
    annotations: host.Annotations ?? {},
    exposedPorts: parseExposedPorts(Object.keys(body.ExposedPorts ?? {})),
    volumes: Object.keys(body.Volumes ?? {}),
    healthcheck: parseHealthcheck(body),
    network: parseNetwork(body, host),
    namespaces: {
      pid: parseNamespace('PID', host.PidMode),
      ipc: parseIpc(host.IpcMode),
      uts: parseHostOrPrivate('UTS', host.UTSMode),
      cgroup: parseHostOrPrivate('cgroup', host.CgroupnsMode),
      user: host.UsernsMode === 'host' ? 'host' : 'daemon',
    },
    mounts: parseMounts(host),
    volumesFrom: parseVolumesFrom(host),
    volumeDriver: host.VolumeDriver ?? '',
    shmSizeBytes: parseShmSize(host.ShmSize),
    readOnlyRoot: host.ReadonlyRootfs ?? false,
    security: parseSecurity(host),
    devices: (host.Devices ?? []).map((device) => ({
      hostPath: device.PathOnHost ?? '',
      containerPath: device.PathInContainer || device.PathOnHost || '',
      permissions: parseDevicePermissions(device.CgroupPermissions),
    })),
    deviceCgroupRules: host.DeviceCgroupRules ?? [],
    resources: parseResources(host),
    ulimits: (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    sysctls: host.Sysctls ?? {},
    restartPolicy: parseRestartPolicy(host),
    autoRemove: host.AutoRemove ?? false,
    log: parseLog(host),
    runtime: host.Runtime === '' ? undefined : host.Runtime,
    cgroupParent: host.CgroupParent ?? '',
    cidFile: host.ContainerIDFile ?? '',
    consoleSize: [host.ConsoleSize?.[0] ?? 0, host.ConsoleSize?.[1] ?? 0],
  };
}

function refuseWhatIsMissing(host: HostConfigRequest): void {
  const missing = (what: string): EngineError =>
    new EngineError('not-implemented', `${what} is not implemented in this version of Gantry`);
  if ((host.DeviceRequests ?? []).length > 0) throw missing('--gpus: the selection of devices by a driver');
  if (Object.keys(host.StorageOpt ?? {}).length > 0) {
    // This engine sets no quotas on roots. Docker's words for that: clients know by them to try again without.
    throw invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
  }
  if (host.Isolation !== undefined && host.Isolation !== '' && host.Isolation !== 'default')
    throw missing(`--isolation ${host.Isolation}`);
}

function parseProcess(body: CreateContainerRequest, host: HostConfigRequest): ContainerSpec['process'] {
  const entrypoint = body.Entrypoint;
  return {
    // Clients send [""] for `--entrypoint ""`: it clears the image's.
    entrypoint:
      entrypoint?.length === 1 && entrypoint[0] === '' ? [] : entrypoint?.length === 0 ? undefined : entrypoint,
    command: body.Cmd,
    env: body.Env ?? [],
    workingDir: body.WorkingDir === '' ? undefined : body.WorkingDir,
    user: body.User === '' ? undefined : body.User,
    groupAdd: host.GroupAdd ?? [],
    tty: body.Tty ?? false,
    openStdin: body.OpenStdin ?? false,
    stdinOnce: body.StdinOnce ?? false,
    attach: {
      stdin: body.AttachStdin ?? false,
      stdout: body.AttachStdout ?? false,
      stderr: body.AttachStderr ?? false,
    },
    stopSignal: body.StopSignal === '' ? undefined : body.StopSignal,
    stopTimeoutSec: body.StopTimeout,
    init: host.Init,
  };
}

function parseHealthcheck(body: CreateContainerRequest): Healthcheck | undefined {
  const check = body.Healthcheck;
  if (check === undefined) return undefined;
  return {
    test: check.Test ?? [],
    intervalMs: (check.Interval ?? 0) / NS_PER_MS,
    timeoutMs: (check.Timeout ?? 0) / NS_PER_MS,
    startPeriodMs: (check.StartPeriod ?? 0) / NS_PER_MS,
    startIntervalMs: (check.StartInterval ?? 0) / NS_PER_MS,
    retries: check.Retries ?? 0,
  };
}

function joined(what: string, text: string): string {
  const container = text.slice('container:'.length);
  if (container === '') throw invalid(`invalid ${what} mode: ${text}`);
  return container;
}

function parseNamespace(what: string, text: string | undefined): NamespaceMode {
  if (text === undefined || text === '' || text === 'private') return { kind: 'private' };
  if (text === 'host') return { kind: 'host' };
  if (text.startsWith('container:')) return { kind: 'container', container: joined(what, text) };
  throw invalid(`invalid ${what} mode: ${text}`);
}

function parseIpc(text: string | undefined): ContainerSpec['namespaces']['ipc'] {
  if (text === 'none') return { kind: 'none' };
  if (text === 'shareable') return { kind: 'shareable' };
  return parseNamespace('IPC', text);
}

function parseHostOrPrivate(what: string, text: string | undefined): 'host' | 'private' {
  if (text === undefined || text === '' || text === 'private') return 'private';
  if (text === 'host') return 'host';
  throw invalid(`invalid ${what} mode: ${text}`);
}

function parseShmSize(size: number | undefined): number {
  if (size !== undefined && size < 0) throw invalid('SHM size can not be less than 0');
  return size === undefined || size === 0 ? DEFAULT_SHM_BYTES : size;
}

function parseDevicePermissions(text: string | undefined): string {
  if (text === undefined || text === '') return 'rwm';
  if (!/^[rwm]+$/.test(text)) throw invalid(`invalid device mode: ${text}`);
  return text;
}

function parseSecurity(host: HostConfigRequest): SecuritySettings {
  let noNewPrivileges = false;
  let seccomp: SecuritySettings['seccomp'] = { kind: 'default' };
  let apparmorProfile: string | undefined;
  let unconfinedPaths = false;
  const options = host.SecurityOpt ?? [];
  for (const option of options) {
    const [key, value] = splitOption(option);
    if (key === 'no-new-privileges') noNewPrivileges = parseFlag(option, value);
    else if (key === 'seccomp') seccomp = parseSeccomp(value);
    else if (key === 'apparmor') apparmorProfile = value;
    else if (key === 'systempaths' && value === 'unconfined') unconfinedPaths = true;
    else if (key !== 'label') throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
  return {
    privileged: host.Privileged ?? false,
    capAdd: host.CapAdd ?? [],
    capDrop: host.CapDrop ?? [],
    noNewPrivileges,
    seccomp,
    apparmorProfile,
    maskedPaths: unconfinedPaths ? [] : host.MaskedPaths,
    readonlyPaths: unconfinedPaths ? [] : host.ReadonlyPaths,
    options,
  };
}

function splitOption(option: string): readonly [string, string] {
  const at = option.search(/[=:]/);
  return at === -1 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
}

function parseFlag(option: string, value: string): boolean {
  if (value === '' || value === 'true') return true;
  if (value === 'false') return false;
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}

function parseSeccomp(value: string): SecuritySettings['seccomp'] {
  if (value === 'unconfined') return { kind: 'unconfined' };
  if (value === '' || value === 'builtin') return { kind: 'default' };
  return { kind: 'profile', json: value };
}

/** Docker sends 0 for what is not limited. */
const positive = (value: number | undefined): number | undefined =>
  value === undefined || value === 0 ? undefined : value;
const filled = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

function parseResources(host: HostConfigRequest): ResourceLimits {
  const rates = (list: HostConfigRequest['BlkioDeviceReadBps']) =>
    (list ?? []).map(({ Path, Rate }) => ({ path: Path, rate: Rate }));
  return {
    memoryBytes: positive(host.Memory),
    memoryReservationBytes: positive(host.MemoryReservation),
    memorySwapBytes: positive(host.MemorySwap),
    memorySwappiness: host.MemorySwappiness === -1 ? undefined : host.MemorySwappiness,
    kernelMemoryBytes: positive(host.KernelMemory),
    oomKillDisable: host.OomKillDisable,
    oomScoreAdj: positive(host.OomScoreAdj),
    nanoCpus: positive(host.NanoCpus),
    cpuShares: positive(host.CpuShares),
    cpuPeriodUs: positive(host.CpuPeriod),
    cpuQuotaUs: positive(host.CpuQuota),
    cpuRtPeriodUs: positive(host.CpuRealtimePeriod),
    cpuRtRuntimeUs: positive(host.CpuRealtimeRuntime),
    cpusetCpus: filled(host.CpusetCpus),
    cpusetMems: filled(host.CpusetMems),
    pidsLimit: host.PidsLimit !== undefined && host.PidsLimit > 0 ? host.PidsLimit : undefined,
    blkioWeight: positive(host.BlkioWeight),
    blkioWeightDevices: (host.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ path: Path, weight: Weight })),
    readBpsDevices: rates(host.BlkioDeviceReadBps),
    writeBpsDevices: rates(host.BlkioDeviceWriteBps),
    readIopsDevices: rates(host.BlkioDeviceReadIOps),
    writeIopsDevices: rates(host.BlkioDeviceWriteIOps),
  };
}

/** Throws invalid-argument, with Docker's texts. */
export function parseRestartPolicy({ RestartPolicy: policy }: Pick<HostConfigRequest, 'RestartPolicy'>): RestartPolicy {
  const count = policy?.MaximumRetryCount ?? 0;
  const name = policy?.Name ?? '';
  switch (name) {
    case '':
    case 'no':
      return { kind: 'no' };
    case 'always':
    case 'unless-stopped':
      if (count !== 0) throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
      return { kind: name };
    case 'on-failure':
      return { kind: 'on-failure', retriesMax: count };
    default:
      throw invalid(
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}
