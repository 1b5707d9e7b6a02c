import { readFileSync } from 'node:fs';

/** Fields of /proc/PID/stat after the command's closing parenthesis: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

/**
 * When the process started, in clock ticks since boot: with the pid it names one process for as long as the machine is
 * up. Undefined where there is none, or it has ended and only waits to be reaped.
 */
export function processStartTicks(pid: number): number | undefined {
  if (pid <= 0) return undefined;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command may itself contain blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[STATE_FIELD];
  return state === 'Z' || state === 'X' ? undefined : Number(fields[START_TIME_FIELD]);
}
