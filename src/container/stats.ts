import { type CgroupStats, readCgroupStats } from '#/linux/cgroup-stats.ts';
import { type InterfaceCounters, onlineCpus, readInterfaceCounters, readSystemCpuNs } from '#/linux/usage.ts';
import { cgroupOf } from './cgroup-of.ts';
import { type ContainerRecord, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

/** What a container has used, at one moment. */
export interface ContainerStats {
  readonly record: ContainerRecord;
  readonly takenAtMs: number;
  /** Undefined where it has no process. */
  readonly cgroup: CgroupStats | undefined;
  readonly systemCpuNs: number;
  readonly onlineCpus: number;
  readonly cgroupVersion: 1 | 2;
  readonly interfaces: ReadonlyMap<string, InterfaceCounters>;
}

/** Reads the figures of a container; zeros for one that has no process. Throws not-found. */
export function readContainerStats(room: ContainerRoom, reference: string): ContainerStats {
  const record = getContainer(room, reference);
  const alive = isAlive(record.state);
  const hasOwnNetwork = record.config.network.mode.kind === 'network' || record.config.network.mode.kind === 'none';
  return {
    record,
    takenAtMs: room.clock.now(),
    cgroup: alive ? readCgroupStats(cgroupOf(room, record)) : undefined,
    systemCpuNs: readSystemCpuNs(),
    onlineCpus: onlineCpus(),
    cgroupVersion: room.cgroups.mode === 'v2' ? 2 : 1,
    interfaces: isAlive(record.state) && hasOwnNetwork ? readInterfaceCounters(record.state.pid) : new Map(),
  };
}
