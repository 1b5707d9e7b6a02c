import { EngineError } from '#/base/errors.ts';
import type { HostFacts } from '#/linux/host.ts';
import { parseSignal } from '#/linux/signals.ts';
import type { ContainerConfig, ResourceLimits } from './config.ts';

const MEMORY_BYTES_MIN = 6 * 1024 * 1024;
const CPU_SHARES_MIN = 2;
const CPU_SHARES_MAX = 262_144;
const NANO = 1e9;

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

export interface FittedConfig {
  readonly config: ContainerConfig;
  readonly warnings: readonly string[];
}

/**
 * A config as this host can enforce it: limits that make no sense are refused with Docker's texts, those that the host
 * cannot enforce are left out with a warning that says which and why. Pure.
 */
export function fitToHost(config: ContainerConfig, host: HostFacts): FittedConfig {
  const { resources } = config;
  checkMemory(resources);
  checkCpu(resources, host);
  checkOthers(config);
  const warnings: string[] = [];
  return {
    config: { ...config, resources: dropUnenforceable(resources, host, warnings) },
    warnings: [...warnings, ...rlimitWarnings(config, host)],
  };
}

function checkMemory({
  memoryBytes,
  memorySwapBytes,
  memoryReservationBytes,
  memorySwappiness,
  kernelMemoryBytes,
}: ResourceLimits): void {
  if (memoryBytes !== undefined && memoryBytes < MEMORY_BYTES_MIN) throw invalid('Minimum memory limit allowed is 6MB');
  if (memoryBytes === undefined && memorySwapBytes !== undefined && memorySwapBytes > 0) {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (
    memoryBytes !== undefined &&
    memorySwapBytes !== undefined &&
    memorySwapBytes > 0 &&
    memorySwapBytes < memoryBytes
  ) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (memoryReservationBytes !== undefined && memoryReservationBytes < MEMORY_BYTES_MIN) {
    throw invalid('Minimum memory reservation allowed is 6MB');
  }
  if (memoryBytes !== undefined && memoryReservationBytes !== undefined && memoryBytes < memoryReservationBytes) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if (memorySwappiness !== undefined && (memorySwappiness < 0 || memorySwappiness > 100)) {
    throw invalid(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  }
  if (kernelMemoryBytes !== undefined && kernelMemoryBytes < MEMORY_BYTES_MIN)
    throw invalid('Minimum kernel memory limit allowed is 6MB');
}

function checkCpu(
  { nanoCpus, cpuPeriodUs, cpuQuotaUs, cpusetCpus, cpusetMems }: ResourceLimits,
  { cpuCount }: HostFacts,
): void {
  if (nanoCpus !== undefined && cpuPeriodUs !== undefined)
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nanoCpus !== undefined && cpuQuotaUs !== undefined)
    throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (nanoCpus !== undefined && (nanoCpus < 0 || nanoCpus > cpuCount * NANO)) {
    throw invalid(`range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`);
  }
  if (cpuPeriodUs !== undefined && (cpuPeriodUs < 1_000 || cpuPeriodUs > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (cpuQuotaUs !== undefined && cpuQuotaUs > 0 && cpuQuotaUs < 1_000)
    throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  checkCpuset('cpuset cpus', cpusetCpus, cpuCount);
  checkCpuset('cpuset mems', cpusetMems, undefined);
}

function checkCpuset(what: string, text: string | undefined, count: number | undefined): void {
  if (text === undefined) return;
  const ranges = text.split(',').map((part) => /^(\d+)(?:-(\d+))?$/.exec(part.trim()));
  if (ranges.includes(null)) throw invalid(`Invalid value ${text} for ${what}`);
  const highest = Math.max(...ranges.map((range) => Number(range?.[2] ?? range?.[1])));
  if (count !== undefined && highest >= count) {
    throw invalid(`Requested CPUs are not available - requested ${text}, available: 0-${count - 1}`);
  }
}

function checkOthers({ resources, process, ulimits }: ContainerConfig): void {
  const { oomScoreAdj, blkioWeight, blkioWeightDevices } = resources;
  if (oomScoreAdj !== undefined && (oomScoreAdj < -1000 || oomScoreAdj > 1000)) {
    throw invalid(`Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  for (const weight of [blkioWeight, ...blkioWeightDevices.map((device) => device.weight)]) {
    if (weight !== undefined && (weight < 10 || weight > 1000))
      throw invalid('Range of blkio weight is from 10 to 1000');
  }
  for (const { name, soft, hard } of ulimits) {
    if (hard !== -1 && (soft === -1 || soft > hard))
      throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${name}=${soft}:${hard}`);
    if (!ULIMITS.has(name)) throw invalid(`invalid ulimit type: ${name}`);
  }
  if (process.stopSignal !== undefined && process.stopSignal !== '') parseSignal(process.stopSignal);
}

const ULIMITS = new Set([
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

type Knob = keyof HostFacts['limits'];

/** Which knob of the host each limit needs, and how it is called in the warning. */
const KNOBS: readonly (readonly [keyof ResourceLimits, Knob, string])[] = [
  ['memoryBytes', 'memory', 'memory limit'],
  ['memoryReservationBytes', 'memoryReservation', 'memory soft limit'],
  ['memorySwapBytes', 'memorySwap', 'swap limit'],
  ['memorySwappiness', 'memorySwappiness', 'memory swappiness'],
  ['kernelMemoryBytes', 'kernelMemory', 'kernel memory limit'],
  ['oomKillDisable', 'oomKillDisable', 'OOM killer switch'],
  ['nanoCpus', 'cpuQuota', 'CPU limit'],
  ['cpuShares', 'cpuShares', 'CPU shares'],
  ['cpuPeriodUs', 'cpuQuota', 'CPU CFS period'],
  ['cpuQuotaUs', 'cpuQuota', 'CPU CFS quota'],
  ['cpuRtPeriodUs', 'cpuRealtime', 'CPU real-time period'],
  ['cpuRtRuntimeUs', 'cpuRealtime', 'CPU real-time runtime'],
  ['cpusetCpus', 'cpuset', 'cpuset'],
  ['cpusetMems', 'cpuset', 'cpuset memory nodes'],
  ['pidsLimit', 'pids', 'PIDs limit'],
  ['blkioWeight', 'blkioWeight', 'block I/O weight'],
  ['blkioWeightDevices', 'blkioWeight', 'block I/O weight of a device'],
  ['readBpsDevices', 'blkioThrottle', 'block read limit in bytes per second'],
  ['writeBpsDevices', 'blkioThrottle', 'block write limit in bytes per second'],
  ['readIopsDevices', 'blkioThrottle', 'block read limit in operations per second'],
  ['writeIopsDevices', 'blkioThrottle', 'block write limit in operations per second'],
];

function dropUnenforceable(resources: ResourceLimits, host: HostFacts, warnings: string[]): ResourceLimits {
  const fitted: { -readonly [K in keyof ResourceLimits]: unknown } = { ...resources };
  for (const [key, knob, name] of KNOBS) {
    const value = resources[key];
    const isAsked = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    const { available, reason } = host.limits[knob];
    if (!isAsked || available) continue;
    warnings.push(`This host cannot enforce the ${name} (${reason}). Limitation discarded.`);
    fitted[key] = Array.isArray(value) ? [] : undefined;
  }
  return clampOthers(fitted as ResourceLimits, host, warnings);
}

function clampOthers(resources: ResourceLimits, host: HostFacts, warnings: string[]): ResourceLimits {
  const { cpuShares, oomScoreAdj } = resources;
  const own = host.limits.oomScoreAdjBelowOwn;
  const shares = cpuShares === undefined ? undefined : Math.min(CPU_SHARES_MAX, Math.max(CPU_SHARES_MIN, cpuShares));
  if (cpuShares !== shares)
    warnings.push(`CPU shares ${cpuShares} are outside ${CPU_SHARES_MIN} to ${CPU_SHARES_MAX}; ${shares} is used.`);
  if (oomScoreAdj === undefined || oomScoreAdj >= 0 || own.available) return { ...resources, cpuShares: shares };
  warnings.push(`This host cannot lower the OOM score to ${oomScoreAdj} (${own.reason}). Setting discarded.`);
  return { ...resources, cpuShares: shares, oomScoreAdj: undefined };
}

/** An rlimit as this host lets it be set: no higher than its hard limit where that cannot be raised. */
export function clampRlimit(host: HostFacts, name: string, value: number): number {
  const ceiling = host.features.sysResource.available
    ? Number.POSITIVE_INFINITY
    : (host.rlimits.get(name)?.hard ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(ceiling) && (value < 0 || value > ceiling) ? ceiling : value;
}

function rlimitWarnings({ ulimits }: ContainerConfig, host: HostFacts): readonly string[] {
  return ulimits
    .filter(({ name, soft, hard }) => clampRlimit(host, name, soft) !== soft || clampRlimit(host, name, hard) !== hard)
    .map(
      ({ name, soft, hard }) =>
        `This host cannot raise ulimit ${name} to ${soft}:${hard} (${host.features.sysResource.reason}). ${host.rlimits.get(name)?.hard} is used.`,
    );
}
