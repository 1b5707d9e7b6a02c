import type { HostFacts } from '#/linux/host.ts';
import { capabilitiesOfMask, resolveCapabilities } from '#/runtime/capabilities.ts';
import { checkLimits } from './check-limits.ts';
import type { ContainerConfig, ResourceLimits } from './config.ts';

const CPU_SHARES_MIN = 2;
const CPU_SHARES_MAX = 262_144;

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
  checkLimits(config, host);
  const warnings: string[] = [];
  return {
    config: { ...config, resources: dropUnenforceable(resources, host, warnings) },
    warnings: [
      ...warnings,
      ...riskWarnings(resources),
      ...capabilityWarnings(config, host),
      ...rlimitWarnings(config, host),
    ],
  };
}

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

function riskWarnings({ oomKillDisable, memoryBytes }: ResourceLimits): readonly string[] {
  if (oomKillDisable !== true || memoryBytes !== undefined) return [];
  return [
    'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
  ];
}

/** Those asked for by name that the engine does not hold itself. `ALL` and privileged mean all that there are. */
function capabilityWarnings({ security }: ContainerConfig, { heldCapabilities }: HostFacts): readonly string[] {
  if (security.privileged) return [];
  const held = capabilitiesOfMask(heldCapabilities);
  const asked = security.capAdd.filter((name) => name.toUpperCase() !== 'ALL');
  return resolveCapabilities({ add: asked, drop: ['ALL'], privileged: false })
    .capabilities.filter((name) => !held.has(name))
    .map((name) => `This host cannot grant ${name} (the engine does not hold it itself). Capability discarded.`);
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
