import { join } from 'node:path';
import { type Cgroup, findControllerDirectory, readIfExists } from './cgroup.ts';

/** What a group has used so far. */
export interface CgroupStats {
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  /** `limit` undefined: none. */
  readonly pids: { readonly current: number; readonly limit: number | undefined };
  readonly blkio: BlkioStats;
}

export interface CpuStats {
  readonly totalNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** By processor; empty on v2, which does not tell. */
  readonly perCpuNs: readonly number[];
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

export interface MemoryStats {
  readonly usageBytes: number;
  /** The most that was ever used; undefined where the kernel does not tell (v2 before Linux 5.19). */
  readonly maxUsageBytes: number | undefined;
  /** Undefined: no limit. */
  readonly limitBytes: number | undefined;
  /** How often the limit was hit. */
  readonly limitHits: number;
  /** `memory.stat` as the kernel gives it; the names differ between v1 and v2. */
  readonly details: Readonly<Record<string, number>>;
}

export interface BlkioStats {
  readonly bytes: readonly BlkioEntry[];
  readonly operations: readonly BlkioEntry[];
}

export interface BlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly operation: 'read' | 'write' | 'sync' | 'async' | 'discard' | 'total';
  readonly value: number;
}

/** From about here on a v1 limit means none: the kernel rounds the largest number down to whole pages. */
const V1_UNLIMITED = 0x7fff_ffff_0000_0000;

type Read = (file: string) => string | undefined;

/** The group's figures; zeros for controllers that the host lacks. Undefined where the group is gone. */
export function readCgroupStats(cgroup: Cgroup): CgroupStats | undefined {
  const unified = cgroup.directories.some(
    ({ version, controllers }) => version === 2 && controllers.includes('memory'),
  );
  const reader = (controller: string): Read | undefined => {
    const directory = findControllerDirectory(cgroup, controller);
    return directory === undefined ? undefined : (file) => readIfExists(join(directory, file));
  };
  // v2 accounts for processor time in every group, with the controller or without.
  const readers = [reader('cpu'), reader('memory'), reader('pids'), reader(unified ? 'io' : 'blkio')];
  if (readers.every((read) => read === undefined)) return undefined;
  const [cpu, memory, pids, io] = readers.map((read) => read ?? (() => undefined));
  return {
    cpu: unified ? cpuV2(cpu ?? nothing) : cpuV1(cpu ?? nothing, reader('cpuacct') ?? nothing),
    memory: unified ? memoryV2(memory ?? nothing) : memoryV1(memory ?? nothing),
    pids: { current: number(pids?.('pids.current')), limit: limit(pids?.('pids.max')) },
    blkio: unified ? blkioV2(io?.('io.stat') ?? '') : blkioV1(io ?? nothing),
  };
}

const nothing: Read = () => undefined;

function cpuV1(cpu: Read, cpuacct: Read): CpuStats {
  const throttling = parseFlatKeyed(cpu('cpu.stat') ?? '');
  return {
    totalNs: number(cpuacct('cpuacct.usage')),
    userNs: number(cpuacct('cpuacct.usage_user')),
    systemNs: number(cpuacct('cpuacct.usage_sys')),
    perCpuNs: (cpuacct('cpuacct.usage_percpu') ?? '').trim().split(' ').filter(Boolean).map(Number),
    periods: throttling.nr_periods ?? 0,
    throttledPeriods: throttling.nr_throttled ?? 0,
    throttledNs: throttling.throttled_time ?? 0,
  };
}

function cpuV2(cpu: Read): CpuStats {
  const stat = parseFlatKeyed(cpu('cpu.stat') ?? '');
  return {
    totalNs: (stat.usage_usec ?? 0) * 1000,
    userNs: (stat.user_usec ?? 0) * 1000,
    systemNs: (stat.system_usec ?? 0) * 1000,
    perCpuNs: [],
    periods: stat.nr_periods ?? 0,
    throttledPeriods: stat.nr_throttled ?? 0,
    throttledNs: (stat.throttled_usec ?? 0) * 1000,
  };
}

function memoryV1(memory: Read): MemoryStats {
  const limitBytes = limit(memory('memory.limit_in_bytes'));
  return {
    usageBytes: number(memory('memory.usage_in_bytes')),
    maxUsageBytes: limit(memory('memory.max_usage_in_bytes')),
    limitBytes: limitBytes === undefined || limitBytes >= V1_UNLIMITED ? undefined : limitBytes,
    limitHits: number(memory('memory.failcnt')),
    details: parseFlatKeyed(memory('memory.stat') ?? ''),
  };
}

function memoryV2(memory: Read): MemoryStats {
  return {
    usageBytes: number(memory('memory.current')),
    maxUsageBytes: limit(memory('memory.peak')),
    limitBytes: limit(memory('memory.max')),
    limitHits: parseFlatKeyed(memory('memory.events') ?? '').max ?? 0,
    details: parseFlatKeyed(memory('memory.stat') ?? ''),
  };
}

/** The block layer's own figures, or the throttling policy's where the scheduler keeps none. */
function blkioV1(io: Read): BlkioStats {
  const entries = (file: string): readonly BlkioEntry[] => {
    const own = parseBlkioV1(io(`blkio.bfq.${file}_recursive`) ?? io(`blkio.${file}_recursive`) ?? '');
    return own.length > 0
      ? own
      : parseBlkioV1(io(`blkio.throttle.${file}_recursive`) ?? io(`blkio.throttle.${file}`) ?? '');
  };
  return { bytes: entries('io_service_bytes'), operations: entries('io_serviced') };
}

/** Lines like `254:0 Read 4096`, and a last one, `Total 4096`, over all devices. */
export function parseBlkioV1(text: string): readonly BlkioEntry[] {
  return [...text.matchAll(/^(\d+):(\d+) (Read|Write|Sync|Async|Discard|Total) (\d+)$/gm)].map((match) => ({
    major: Number(match[1]),
    minor: Number(match[2]),
    operation: (match[3] ?? '').toLowerCase() as BlkioEntry['operation'],
    value: Number(match[4]),
  }));
}

/** Lines like `254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
export function blkioV2(text: string): BlkioStats {
  const bytes: BlkioEntry[] = [];
  const operations: BlkioEntry[] = [];
  for (const [, major, minor, rest = ''] of text.matchAll(/^(\d+):(\d+) (.*)$/gm)) {
    const device = { major: Number(major), minor: Number(minor) };
    const values = Object.fromEntries(rest.split(' ').map((pair) => pair.split('=')));
    for (const [operation, letter] of [
      ['read', 'r'],
      ['write', 'w'],
      ['discard', 'd'],
    ] as const) {
      bytes.push({ ...device, operation, value: Number(values[`${letter}bytes`] ?? 0) });
      operations.push({ ...device, operation, value: Number(values[`${letter}ios`] ?? 0) });
    }
  }
  return { bytes, operations };
}

function parseFlatKeyed(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries([...text.matchAll(/^(\S+) (\d+)$/gm)].map((match) => [match[1], Number(match[2])]));
}

function number(text: string | undefined): number {
  return Number(text?.trim() ?? 0);
}

function limit(text: string | undefined): number | undefined {
  const word = text?.trim() ?? 'max';
  return word === 'max' ? undefined : Number(word);
}
