import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '#/base/errors.ts';
import { type CgroupHost, listBelow } from './cgroup.ts';
import type { Capability } from './erofs.ts';

/** A limit that a container can be given. */
export type LimitKnob =
  | 'memory'
  | 'memoryReservation'
  | 'memorySwap'
  | 'memorySwappiness'
  | 'kernelMemory'
  | 'oomKillDisable'
  | 'oomScoreAdjBelowOwn'
  | 'cpuShares'
  | 'cpuQuota'
  | 'cpuRealtime'
  | 'cpuset'
  | 'pids'
  | 'blkioWeight'
  | 'blkioThrottle'
  | 'hugetlb';

interface KnobFile {
  readonly controller: string;
  readonly file: string;
  /** A value that differs from the default; the kernel must give it back. Undefined: that the file is there is enough. */
  readonly value?: string;
}

const V1: Readonly<Record<Exclude<LimitKnob, 'oomScoreAdjBelowOwn' | 'cpuRealtime'>, KnobFile>> = {
  memory: { controller: 'memory', file: 'memory.limit_in_bytes', value: String(64 << 20) },
  memoryReservation: { controller: 'memory', file: 'memory.soft_limit_in_bytes', value: String(64 << 20) },
  memorySwap: { controller: 'memory', file: 'memory.memsw.limit_in_bytes', value: String(128 << 20) },
  memorySwappiness: { controller: 'memory', file: 'memory.swappiness', value: '10' },
  kernelMemory: { controller: 'memory', file: 'memory.kmem.limit_in_bytes', value: String(32 << 20) },
  oomKillDisable: { controller: 'memory', file: 'memory.oom_control' },
  cpuShares: { controller: 'cpu', file: 'cpu.shares' },
  cpuQuota: { controller: 'cpu', file: 'cpu.cfs_quota_us' },
  cpuset: { controller: 'cpuset', file: 'cpuset.cpus' },
  pids: { controller: 'pids', file: 'pids.max' },
  blkioWeight: { controller: 'blkio', file: 'blkio.weight' },
  blkioThrottle: { controller: 'blkio', file: 'blkio.throttle.read_bps_device' },
  hugetlb: { controller: 'hugetlb', file: 'hugetlb.2MB.limit_in_bytes' },
};

/** Undefined: v2 has no such limit. */
const V2: Readonly<Record<keyof typeof V1, KnobFile | undefined>> = {
  memory: { controller: 'memory', file: 'memory.max' },
  memoryReservation: { controller: 'memory', file: 'memory.low' },
  memorySwap: { controller: 'memory', file: 'memory.swap.max' },
  memorySwappiness: undefined,
  kernelMemory: undefined,
  oomKillDisable: undefined,
  cpuShares: { controller: 'cpu', file: 'cpu.weight' },
  cpuQuota: { controller: 'cpu', file: 'cpu.max' },
  cpuset: { controller: 'cpuset', file: 'cpuset.cpus' },
  pids: { controller: 'pids', file: 'pids.max' },
  blkioWeight: { controller: 'io', file: 'io.bfq.weight' },
  blkioThrottle: { controller: 'io', file: 'io.max' },
  hugetlb: { controller: 'hugetlb', file: 'hugetlb.2MB.max' },
};

/** Which limits this host enforces, found out in a control group that is made for it and removed again. */
export function probeLimits(host: CgroupHost, sysResource: Capability): Record<LimitKnob, Capability> {
  sweepGroups(host);
  const probe = host.mode === 'v2' ? probeV2 : probeV1;
  const probed = Object.fromEntries(Object.keys(V1).map((knob) => [knob, probe(host, knob as keyof typeof V1)]));
  return {
    ...(probed as Record<keyof typeof V1, Capability>),
    oomScoreAdjBelowOwn: sysResource,
    cpuRealtime: probeRealtime(host),
  };
}

const GROUP = /^gantry-probe-(\d+)$/;

/** Removes the groups of probing engines that were killed in the middle. */
function sweepGroups({ hierarchies }: CgroupHost): void {
  for (const { directory } of hierarchies) {
    for (const name of readdirSync(directory)) {
      const pid = GROUP.exec(name)?.[1];
      if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
      try {
        rmdirSync(join(directory, name));
      } catch {
        // Gone already, or another engine's whose pid we cannot see.
      }
    }
  }
}

function probeV1(host: CgroupHost, knob: keyof typeof V1): Capability {
  const { controller, file, value } = V1[knob];
  const hierarchy = host.hierarchies.find(
    ({ version, controllers }) => version === 1 && controllers.includes(controller),
  );
  if (hierarchy === undefined) return refuse(`the control group controller ${controller} is not mounted`);
  const group = join(hierarchy.directory, `gantry-probe-${process.pid}`);
  try {
    mkdirSync(group);
    try {
      if (!existsSync(join(group, file))) return refuse(`this kernel has no ${file}`);
      return value === undefined ? accept(file) : tryWriting(group, knob, file, value);
    } finally {
      rmdirSync(group);
    }
  } catch (error) {
    return refuse(`no control group can be made in ${hierarchy.directory} (${errnoOf(error) ?? 'unknown error'})`);
  }
}

/** Deprecated limits are accepted and ignored by newer kernels: only what reads back counts. */
function tryWriting(group: string, knob: LimitKnob, file: string, value: string): Capability {
  try {
    // The kernel takes a limit for both only over one for memory.
    if (knob === 'memorySwap') writeFileSync(join(group, 'memory.limit_in_bytes'), String(64 << 20));
    writeFileSync(join(group, file), value);
  } catch (error) {
    return refuse(`${file} cannot be set (${errnoOf(error) ?? 'unknown error'})`);
  }
  return readFileSync(join(group, file), 'utf8').trim() === value
    ? accept(file)
    : refuse(`this kernel ignores ${file}`);
}

/** The root group has no limit files, so look at any other; in a tree that is still empty the controller must do. */
function probeV2(host: CgroupHost, knob: keyof typeof V1): Capability {
  const limit = V2[knob];
  if (limit === undefined) return refuse('control groups v2 have no such limit');
  if (!host.controllers.includes(limit.controller))
    return refuse(`the control group controller ${limit.controller} is missing`);
  const root = host.hierarchies.find(({ version }) => version === 2)?.directory ?? '';
  const withController = listBelow(root).find((group) => existsSync(join(group, `${limit.controller}.stat`)));
  if (withController === undefined || limit.controller === 'hugetlb') return accept(limit.file);
  return existsSync(join(withController, limit.file)) ? accept(limit.file) : refuse(`this kernel has no ${limit.file}`);
}

/** Realtime time is handed down from group to group, and no group starts with any. */
function probeRealtime(host: CgroupHost): Capability {
  const cpu = host.hierarchies.find(({ version, controllers }) => version === 1 && controllers.includes('cpu'));
  if (cpu === undefined) return refuse('control groups v2 have no realtime limits');
  try {
    const budget = readFileSync(join(cpu.directory, 'gantry', 'cpu.rt_runtime_us'), 'utf8').trim();
    return Number(budget) > 0
      ? accept('cpu.rt_runtime_us')
      : refuse('the group /gantry has no realtime budget to share');
  } catch {
    return refuse('the group /gantry has no realtime budget to share');
  }
}

const accept = (file: string): Capability => ({ available: true, reason: `${file} works` });
const refuse = (reason: string): Capability => ({ available: false, reason });
