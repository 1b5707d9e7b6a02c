import type { RestartPolicy } from './config.ts';
import type { EndedRun } from './state.ts';

/** Whether a container that ended so is started again. */
export function planRestart(
  policy: RestartPolicy,
  last: EndedRun,
  restartCount: number,
  stopRequested: boolean,
): boolean {
  if (stopRequested) return false;
  switch (policy.kind) {
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return last.code !== 0 && (policy.retriesMax === 0 || restartCount < policy.retriesMax);
    default:
      return policy satisfies never;
  }
}

const FIRST_DELAY_MS = 100;
const DELAY_MS_MAX = 60_000;
const STEADY_RUN_MS = 10_000;

/** 100 ms, doubled at each restart up to a minute; a run of more than ten seconds starts over. */
export function restartDelayMs(last: EndedRun, restartCount: number): number {
  if (last.finishedAtMs - last.startedAtMs > STEADY_RUN_MS) return FIRST_DELAY_MS;
  return Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** Math.min(restartCount - 1, 20));
}
