import { readFileSync, readlinkSync } from 'node:fs';
import { type BenchEngine, descendantsOf } from './engine.ts';

export interface EngineMemory {
  /** Daemons: dockerd and containerd, or Gantry's one process. */
  readonly daemonMb: number;
  /** Shims and monitors, outside of the containers. */
  readonly monitorsMb: number;
}

const DAEMONS = ['dockerd', 'containerd', 'node', 'node-MainThread'];
const SCAFFOLDING = ['sh', 'unshare', 'catatonit', 'sleep'];

/** Proportional set sizes of the engine's own processes now; containers' processes are left out. */
export function measureMemory(engine: BenchEngine): EngineMemory {
  let daemonMb = 0;
  let monitorsMb = 0;
  for (const process of engineProcesses(engine)) {
    if (SCAFFOLDING.includes(process.comm)) continue;
    if (DAEMONS.includes(process.comm)) daemonMb += process.pssMb;
    else monitorsMb += process.pssMb;
  }
  return { daemonMb, monitorsMb };
}

function engineProcesses(engine: BenchEngine) {
  const pids = descendantsOf(engine.hostPid);
  const own = pids.map(pidNamespaceOf);
  // The first descendant is unshare, still outside; the second is process 1 of the engine's host.
  const host = own[1];
  return pids
    .filter((_, index) => own[index] !== undefined && own[index] === host)
    .flatMap((pid) => {
      try {
        const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
        const pssMb = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1024;
        return [{ pid, comm: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), pssMb }];
      } catch {
        return [];
      }
    });
}

function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
