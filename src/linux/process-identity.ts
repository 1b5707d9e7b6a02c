import { readFileSync } from 'node:fs';

/** Fields of /proc/PID/stat after the command's closing parenthesis: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;
const EXIT_CODE_FIELD = 49;

/**
 * When the process started, in clock ticks since boot: with the pid it names one process for as long as the machine is
 * up. Undefined where there is none, or it has ended and only waits to be reaped.
 */
export function processStartTicks(pid: number): number | undefined {
  const fields = readStat(pid);
  return fields === undefined || hasEnded(fields) ? undefined : Number(fields[START_TIME_FIELD]);
}

/**
 * The exit code (128+n for signal n) of a process that has ended and that its parent has not reaped yet; undefined for any
 * other, and where we may not know.
 */
export function unreapedExitCode(pid: number, startTicks: number): number | undefined {
  const fields = readStat(pid);
  if (fields === undefined || !hasEnded(fields) || Number(fields[START_TIME_FIELD]) !== startTicks) return undefined;
  const status = Number(fields[EXIT_CODE_FIELD]);
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

function readStat(pid: number): readonly string[] | undefined {
  if (pid <= 0) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command may itself contain blanks and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

const hasEnded = (fields: readonly string[]): boolean => fields[STATE_FIELD] === 'Z' || fields[STATE_FIELD] === 'X';
