import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf, toEngineError } from '#/base/errors.ts';
import { processStartTicks } from './process-identity.ts';

/** One process for as long as the machine is up: pids are used again, start times are not. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

/** False where the process has ended, and where the pid belongs to another one by now. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  return processStartTicks(pid) === startTicks;
}

/** Sends a signal to one process; false where there is none. Throws permission-denied, invalid-argument. */
export function sendSignal(pid: number, signal: number): boolean {
  // To kill(2), 0 and negative numbers are groups of processes, ours among them.
  if (pid <= 0) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw toEngineError(error, `send signal ${signal} to process ${pid}`);
  }
}

/** Names this boot of the machine: what was true of processes and mounts under another one no longer is. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** A process's memory with its share of what it shares (PSS); undefined where there is no such process. */
export function readPssBytes(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    return Number(/^Pss:\s*(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw toEngineError(error, `read the memory of process ${pid}`);
  }
}

/** Pids of the processes that were started with exactly this argument, wherever in their command line. */
export function findProcessesByArgument(argument: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').includes(argument) ? [Number(name)] : [];
    } catch {
      return []; // It has ended.
    }
  });
}
