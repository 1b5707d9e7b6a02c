import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { rfc3339Nano, ZERO_TIME } from '#/base/clock.ts';
import type { ContainerStats } from '#/engine/index.ts';
import type * as docker from '#/spec/docker-api/stats.ts';
import { sendJson } from '../answer.ts';
import { boolOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { writeAll } from './streams.ts';

export const STATS_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/containers/:id/stats', handle: stats },
];

const INTERVAL_MS = 1_000;

async function stats({ engine, params, query, response, signal }: HttpCall): Promise<void> {
  let before: ContainerStats | undefined;
  let current = engine.containers.stats(params.id ?? '');
  const { id } = current.record;
  if (!boolOf(query, 'stream', true)) {
    if (!boolOf(query, 'one-shot') && current.cgroup !== undefined) {
      before = current;
      await sleep(INTERVAL_MS, undefined, { signal });
      current = engine.containers.stats(id);
    }
    return sendJson(response, 200, printStats(current, before));
  }
  response.writeHead(200, { 'Content-Type': 'application/json' });
  while (!signal.aborted) {
    await writeAll(response, `${JSON.stringify(printStats(current, before))}\n`);
    before = current;
    try {
      await sleep(INTERVAL_MS, undefined, { signal });
      current = engine.containers.stats(id);
    } catch {
      // The client left, or the container is gone: the stream ends.
      break;
    }
  }
  response.end();
}

function printStats(current: ContainerStats, before: ContainerStats | undefined): docker.ContainerStats & object {
  const { record, cgroup } = current;
  return {
    name: `/${record.name}`,
    id: record.id,
    read: cgroup === undefined ? ZERO_TIME : rfc3339Nano(current.takenAtMs),
    preread: before === undefined ? ZERO_TIME : rfc3339Nano(before.takenAtMs),
    num_procs: 0,
    pids_stats:
      cgroup === undefined
        ? {}
        : { current: cgroup.pids.current, ...(cgroup.pids.limit === undefined ? {} : { limit: cgroup.pids.limit }) },
    blkio_stats: printBlkio(cgroup),
    cpu_stats: printCpu(current),
    precpu_stats: printCpu(before),
    memory_stats: printMemory(cgroup),
    ...(current.interfaces.size === 0 ? {} : { networks: printNetworks(current) }),
  };
}

function printCpu(stats: ContainerStats | undefined): docker.CpuStats {
  const cpu = stats?.cgroup?.cpu;
  return {
    cpu_usage: {
      total_usage: cpu?.totalNs ?? 0,
      ...(cpu === undefined || cpu.perCpuNs.length === 0 ? {} : { percpu_usage: cpu.perCpuNs }),
      usage_in_kernelmode: cpu?.systemNs ?? 0,
      usage_in_usermode: cpu?.userNs ?? 0,
    },
    ...(stats === undefined || cpu === undefined
      ? {}
      : { system_cpu_usage: stats.systemCpuNs, online_cpus: stats.onlineCpus }),
    throttling_data: {
      periods: cpu?.periods ?? 0,
      throttled_periods: cpu?.throttledPeriods ?? 0,
      throttled_time: cpu?.throttledNs ?? 0,
    },
  };
}

function printMemory(cgroup: ContainerStats['cgroup']): docker.MemoryStats {
  if (cgroup === undefined) return {};
  const { memory } = cgroup;
  return {
    usage: memory.usageBytes,
    ...(memory.maxUsageBytes === undefined ? {} : { max_usage: memory.maxUsageBytes }),
    limit: memory.limitBytes ?? totalmem(),
    ...(memory.limitHits === 0 ? {} : { failcnt: memory.limitHits }),
    stats: memory.details,
  };
}

function printBlkio(cgroup: ContainerStats['cgroup']): docker.BlkioStats & Readonly<Record<string, unknown>> {
  const entries = (list: readonly { major: number; minor: number; operation: string; value: number }[] | undefined) =>
    list === undefined
      ? null
      : list.map(({ major, minor, operation, value }) => ({ major, minor, op: operation, value }));
  return {
    io_service_bytes_recursive: entries(cgroup?.blkio.bytes),
    io_serviced_recursive: entries(cgroup?.blkio.operations),
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function printNetworks({ interfaces }: ContainerStats): Readonly<Record<string, docker.NetworkStats>> {
  return Object.fromEntries(
    [...interfaces].map(([name, counters]) => [
      name,
      {
        rx_bytes: counters.rxBytes,
        rx_packets: counters.rxPackets,
        rx_errors: counters.rxErrors,
        rx_dropped: counters.rxDropped,
        tx_bytes: counters.txBytes,
        tx_packets: counters.txPackets,
        tx_errors: counters.txErrors,
        tx_dropped: counters.txDropped,
      },
    ]),
  );
}
