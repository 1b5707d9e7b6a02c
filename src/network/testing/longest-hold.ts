import { readFileSync } from 'node:fs';

/** Nanoseconds that this thread was ready to run and others had the processor (Documentation/scheduler/sched-stats). */
const runDelayNs = (): number => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]);

/** The longest that the event loop was held while `body` ran, computing or waiting for the kernel; a busy machine aside. */
export async function longestHoldMs(body: () => Promise<unknown>): Promise<number> {
  let longestMs = 0;
  let last = { atMs: performance.now(), delayNs: runDelayNs() };
  const beat = setInterval(() => {
    const now = { atMs: performance.now(), delayNs: runDelayNs() };
    longestMs = Math.max(longestMs, now.atMs - last.atMs - (now.delayNs - last.delayNs) / 1e6);
    last = now;
  }, 1);
  try {
    await body();
  } finally {
    clearInterval(beat);
  }
  return longestMs;
}
