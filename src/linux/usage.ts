import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export interface InterfaceCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** Counters by interface of the network namespace in which a process lives; empty where it is gone. Loopback is left out. */
export function readInterfaceCounters(pid: number): ReadonlyMap<string, InterfaceCounters> {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  } catch {
    return new Map();
  }
  return parseNetDev(text);
}

/** `/proc/net/dev`: two lines of headings, then `name: rx… tx…` of eight figures each. Source: proc_pid_net(5). */
export function parseNetDev(text: string): ReadonlyMap<string, InterfaceCounters> {
  const counters = new Map<string, InterfaceCounters>();
  for (const line of text.split('\n').slice(2)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    if (colon === -1 || name === 'lo') continue;
    const at = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    counters.set(name, {
      rxBytes: at[0] ?? 0,
      rxPackets: at[1] ?? 0,
      rxErrors: at[2] ?? 0,
      rxDropped: at[3] ?? 0,
      txBytes: at[8] ?? 0,
      txPackets: at[9] ?? 0,
      txErrors: at[10] ?? 0,
      txDropped: at[11] ?? 0,
    });
  }
  return counters;
}

/** The kernel counts in hundredths of a second on every architecture. */
const NS_PER_TICK = 10_000_000;

/** Time that all processors together have spent since boot, idle time included. */
export function readSystemCpuNs(): number {
  const line = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  // user nice system idle iowait irq softirq steal; guest time is in user already.
  const ticks = line
    .split(' ')
    .slice(0, 8)
    .reduce((sum, word) => sum + Number(word), 0);
  return ticks * NS_PER_TICK;
}

export const onlineCpus = (): number => availableParallelism();

/** File descriptors that this process has open. */
export const countOpenFiles = (): number => readdirSync('/proc/self/fd').length;
