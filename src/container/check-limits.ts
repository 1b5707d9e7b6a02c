import { EngineError } from '#/base/errors.ts';
import type { HostFacts } from '#/linux/host.ts';
import { parseSignal } from '#/linux/signals.ts';
import type { ContainerConfig, ResourceLimits } from './config.ts';

const MEMORY_BYTES_MIN = 6 * 1024 * 1024;
const NANO = 1e9;
/** The kernel's quota has at least a millisecond in a period of a tenth of a second. */
const NANO_CPUS_MIN = 0.01 * NANO;
const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

/** Refuses limits that make no sense on any host, or not on this one. Pure. Throws invalid-argument with Docker's texts. */
export function checkLimits(config: ContainerConfig, host: Pick<HostFacts, 'cpuCount' | 'memoryNodes'>): void {
  checkMemory(config.resources);
  checkCpu(config.resources, host);
  checkOthers(config);
  checkSysctls(config);
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
  { nanoCpus, cpuShares, cpuPeriodUs, cpuQuotaUs, cpusetCpus, cpusetMems }: ResourceLimits,
  { cpuCount, memoryNodes }: Pick<HostFacts, 'cpuCount' | 'memoryNodes'>,
): void {
  if (cpuShares !== undefined && cpuShares < 0) throw invalid('shares: invalid argument');
  if (nanoCpus !== undefined && cpuPeriodUs !== undefined)
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nanoCpus !== undefined && cpuQuotaUs !== undefined)
    throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (nanoCpus !== undefined && (nanoCpus < NANO_CPUS_MIN || nanoCpus > cpuCount * NANO)) {
    throw invalid(`range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`);
  }
  if (cpuPeriodUs !== undefined && (cpuPeriodUs < 1_000 || cpuPeriodUs > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (cpuQuotaUs !== undefined && cpuQuotaUs > 0 && cpuQuotaUs < 1_000)
    throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  checkCpuset('cpus', 'CPUs', cpusetCpus, cpuCount === 1 ? '0' : `0-${cpuCount - 1}`);
  checkCpuset('mems', 'memory nodes', cpusetMems, memoryNodes);
}

function checkCpuset(field: 'cpus' | 'mems', what: string, text: string | undefined, available: string): void {
  if (text === undefined) return;
  const asked = parseList(text);
  if (asked === undefined) throw invalid(`Invalid value ${text} for cpuset ${field}: invalid format: ${text}`);
  const there = parseList(available) ?? [];
  const isThere = ([first, last]: Range): boolean => there.some(([low, high]) => first >= low && last <= high);
  if (asked.every(isThere)) return;
  throw invalid(`Requested ${what} are not available - requested ${text}, available: ${available}`);
}

type Range = readonly [first: number, last: number];

/** The kernel's list format, `0,2-3`; undefined for what is not. */
function parseList(text: string): readonly Range[] | undefined {
  const ranges = text.split(',').map((part): Range | undefined => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    return first === undefined || Number(first) > Number(last) ? undefined : [Number(first), Number(last)];
  });
  return ranges.includes(undefined) ? undefined : (ranges as Range[]);
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

/** Settings of the IPC namespace; those of the network namespace begin with `net.`. */
const IPC_SYSCTL = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$|fs\.mqueue\.)/;

/** Only what belongs to a namespace of the container's own may be set: all else would be the host's. */
function checkSysctls({ sysctls, network, namespaces }: ContainerConfig): void {
  for (const name of Object.keys(sysctls)) {
    if (name.startsWith('net.')) {
      if (network.mode.kind === 'host') throw invalid(`sysctl "${name}" not allowed in host network namespace`);
    } else if (IPC_SYSCTL.test(name)) {
      if (namespaces.ipc.kind === 'host') throw invalid(`sysctl "${name}" is not allowed in the hosts ipc namespace`);
    } else throw invalid(`sysctl "${name}" is not in a separate kernel namespace`);
  }
}
