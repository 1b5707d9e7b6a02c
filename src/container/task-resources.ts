import { EngineError, errnoOf } from '#/base/errors.ts';
import { type HostDevice, listDevices } from '#/linux/devices.ts';
import type { OciResources, OciThrottleDevice } from '#/spec/oci/runtime.ts';
import type { DeviceRate, ResourceLimits } from './config.ts';

const CPU_PERIOD_US = 100_000;
const NANO = 1e9;

/** Limits in the OCI's words, what nobody limits left out. Throws not-found for a device that is not there. */
export function planResources(limits: ResourceLimits): OciResources {
  const memory = planMemory(limits);
  const cpu = planCpu(limits);
  const blockIO = planBlockIo(limits);
  return {
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(limits.pidsLimit === undefined ? {} : { pids: { limit: limits.pidsLimit } }),
    ...(Object.keys(blockIO).length === 0 ? {} : { blockIO }),
  };
}

function present<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** As Docker: a memory limit without a word on swap allows as much swap again. */
function planMemory(limits: ResourceLimits): NonNullable<OciResources['memory']> {
  const { memoryBytes, memorySwapBytes } = limits;
  const swap = memorySwapBytes ?? (memoryBytes === undefined ? undefined : memoryBytes * 2);
  return present<NonNullable<OciResources['memory']>>({
    limit: memoryBytes,
    reservation: limits.memoryReservationBytes,
    swap,
    kernel: limits.kernelMemoryBytes,
    swappiness: limits.memorySwappiness,
    disableOOMKiller: limits.oomKillDisable === true ? true : undefined,
  });
}

function planCpu(limits: ResourceLimits): NonNullable<OciResources['cpu']> {
  const { nanoCpus } = limits;
  const fromCpus = nanoCpus === undefined ? undefined : Math.round((nanoCpus / NANO) * CPU_PERIOD_US);
  return present<NonNullable<OciResources['cpu']>>({
    shares: limits.cpuShares,
    // -1 is what a new group has.
    quota: fromCpus ?? (limits.cpuQuotaUs === -1 ? undefined : limits.cpuQuotaUs),
    period: fromCpus === undefined ? limits.cpuPeriodUs : CPU_PERIOD_US,
    realtimeRuntime: limits.cpuRtRuntimeUs,
    realtimePeriod: limits.cpuRtPeriodUs,
    cpus: limits.cpusetCpus,
    mems: limits.cpusetMems,
  });
}

function planBlockIo(limits: ResourceLimits): NonNullable<OciResources['blockIO']> {
  const weights = limits.blkioWeightDevices.flatMap(({ path, weight }) =>
    devicesAt(path).map(({ major, minor }) => ({ major, minor, weight })),
  );
  const listed = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);
  return present<NonNullable<OciResources['blockIO']>>({
    weight: limits.blkioWeight,
    weightDevice: listed(weights),
    throttleReadBpsDevice: listed(throttles(limits.readBpsDevices)),
    throttleWriteBpsDevice: listed(throttles(limits.writeBpsDevices)),
    throttleReadIOPSDevice: listed(throttles(limits.readIopsDevices)),
    throttleWriteIOPSDevice: listed(throttles(limits.writeIopsDevices)),
  });
}

const throttles = (rates: readonly DeviceRate[]): readonly OciThrottleDevice[] =>
  rates.flatMap(({ path, rate }) => devicesAt(path).map(({ major, minor }) => ({ major, minor, rate })));

function devicesAt(path: string): readonly HostDevice[] {
  try {
    return listDevices(path);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new EngineError('not-found', `stat ${path}: no such file or directory`, { cause });
  }
}
