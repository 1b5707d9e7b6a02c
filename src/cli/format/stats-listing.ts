import type { BlkioEntry, ContainerStats, CpuStats, MemoryStats } from '#/spec/docker-api/stats.ts';
import { printBinarySize, printSize } from './human.ts';
import type { Listing } from './rows.ts';

/** One container's figures; without `stats` until the first have come. */
export interface StatsRow {
  readonly asked: string;
  readonly stats?: ContainerStats;
}

/** What `stats` can show of each container. */
export function statsListing(truncates: boolean): Listing<StatsRow> {
  const known =
    (print: (stats: ContainerStats) => string, unknown = '--') =>
    ({ stats }: StatsRow): string =>
      stats === undefined || isEmpty(stats) ? unknown : print(stats);
  return {
    columns: {
      Container: { header: 'CONTAINER', value: ({ asked }) => asked },
      ID: {
        header: 'CONTAINER ID',
        value: ({ asked, stats }) => (truncates ? (stats?.id ?? asked).slice(0, 12) : (stats?.id ?? asked)),
      },
      Name: { header: 'NAME', value: ({ stats }) => (stats?.name ?? '--').replace(/^\//, '') || '--' },
      CPUPerc: { header: 'CPU %', value: known((stats) => `${cpuPercent(stats).toFixed(2)}%`) },
      MemUsage: {
        header: 'MEM USAGE / LIMIT',
        value: known(
          ({ memory_stats: memory = {} }) =>
            `${printBinarySize(memoryUsed(memory))} / ${printBinarySize(memory.limit ?? 0)}`,
          '-- / --',
        ),
      },
      MemPerc: {
        header: 'MEM %',
        value: known(({ memory_stats: memory = {} }) => `${memoryPercent(memory).toFixed(2)}%`),
      },
      NetIO: { header: 'NET I/O', value: known(printNetwork) },
      BlockIO: { header: 'BLOCK I/O', value: known(printBlocks) },
      PIDs: { header: 'PIDS', value: known(({ pids_stats: pids }) => String(pids?.current ?? 0)) },
    },
    shown: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
  };
}

/** A container that does not run answers with zeros only. */
const isEmpty = (stats: ContainerStats): boolean => stats.read.startsWith('0001-');

function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  if (now === undefined) return 0;
  const used = now.cpu_usage.total_usage - (before?.cpu_usage.total_usage ?? 0);
  const passed = (now.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  return used > 0 && passed > 0 ? (used / passed) * cpuCount(now) * 100 : 0;
}

const cpuCount = (cpu: CpuStats): number => cpu.online_cpus || cpu.cpu_usage.percpu_usage?.length || 1;

/** Without the part of the page cache that the kernel may drop at once: cgroup v1 and v2 name it differently. */
function memoryUsed({ usage = 0, stats = {} }: MemoryStats): number {
  const droppable = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return droppable < usage ? usage - droppable : usage;
}

const memoryPercent = (memory: MemoryStats): number =>
  memory.limit === undefined || memory.limit === 0 ? 0 : (memoryUsed(memory) / memory.limit) * 100;

function printNetwork({ networks = {} }: ContainerStats): string {
  const all = Object.values(networks);
  const received = all.reduce((sum, one) => sum + one.rx_bytes, 0);
  const sent = all.reduce((sum, one) => sum + one.tx_bytes, 0);
  return `${printSize(received, 3)} / ${printSize(sent, 3)}`;
}

function printBlocks({ blkio_stats: blocks }: ContainerStats): string {
  const entries: readonly BlkioEntry[] = blocks?.io_service_bytes_recursive ?? [];
  const sum = (op: string): number =>
    entries.filter((entry) => entry.op.toLowerCase() === op).reduce((total, entry) => total + entry.value, 0);
  return `${printSize(sum('read'), 3)} / ${printSize(sum('write'), 3)}`;
}
