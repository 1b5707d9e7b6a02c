import { rfc3339Nano, ZERO_TIME } from '#/base/clock.ts';
import { type ContainerState, exitCodeOf, lastRun } from '#/engine/index.ts';

const NO_RUN = { startedAtMs: 0, finishedAtMs: 0, oomKilled: false, error: '' };

/** Docker's flags for a state; `Running` stays true for a paused and a restarting container, as Docker has it. */
export function printState(state: ContainerState): object {
  const last = lastRun(state) ?? NO_RUN;
  const run = 'pid' in state ? state : undefined;
  const startedAtMs = run?.startedAtMs ?? last.startedAtMs;
  return {
    Status: state.status === 'creating' ? 'created' : state.status,
    Running: run !== undefined || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: last.oomKilled,
    Dead: state.status === 'dead',
    Pid: run?.pid ?? 0,
    ExitCode: exitCodeOf(state),
    Error: state.status === 'created' ? (state.startFailure?.message ?? '') : last.error,
    StartedAt: timeOf(startedAtMs),
    FinishedAt: timeOf(last.finishedAtMs),
  };
}

const timeOf = (epochMs: number): string => (epochMs === 0 ? ZERO_TIME : rfc3339Nano(epochMs));

/** The words of `docker ps`: `Up 3 seconds (Paused)`, `Exited (0) 2 minutes ago`. */
export function printStatus(state: ContainerState, nowMs: number): string {
  switch (state.status) {
    case 'running':
      return `Up ${humanDuration(nowMs - state.startedAtMs)}`;
    case 'paused':
      return `Up ${humanDuration(nowMs - state.startedAtMs)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.last.code}) ${humanDuration(nowMs - state.last.finishedAtMs)} ago`;
    case 'exited':
      return `Exited (${state.last.code}) ${humanDuration(nowMs - state.last.finishedAtMs)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'creating':
    case 'created':
      return 'Created';
    default:
      return state satisfies never;
  }
}

/** Docker's rough durations. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
