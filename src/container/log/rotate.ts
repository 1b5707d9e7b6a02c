import { rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerConfig } from '../config.ts';
import { containerPaths } from '../paths.ts';
import { type ContainerRecord, findById, listContainers } from '../record.ts';
import type { ContainerRoom } from '../room.ts';
import { isAlive } from '../state.ts';

export interface LogLimits {
  readonly maxSizeBytes: number;
  /** Files in all, the current one among them. */
  readonly maxFiles: number;
}

const CHECK_INTERVAL_MS = 1_000;
/** In a flood of output. */
const CHECK_INTERVAL_MS_MIN = 50;

/** What `--log-opt max-size` and `max-file` say, over the daemon's defaults. */
export function logLimitsOf(room: Pick<ContainerRoom, 'settings'>, config: ContainerConfig): LogLimits {
  const { 'max-size': size, 'max-file': files } = config.log.options;
  const { logDefaults } = room.settings;
  const unlimited = size === '-1' ? Number.POSITIVE_INFINITY : undefined;
  return {
    maxSizeBytes: unlimited ?? (size === undefined ? undefined : parseLogSize(size)) ?? logDefaults.maxSizeBytes,
    maxFiles: files === undefined ? logDefaults.maxFiles : Math.max(1, Number(files) || 1),
  };
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};

/** `10m` in bytes; undefined for what is not a size. */
export function parseLogSize(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)i?b?$/i.exec(text.trim());
  if (parts === null) return undefined;
  return Math.floor(Number(parts[1]) * (UNITS[(parts[2] ?? '').toLowerCase()] ?? 1));
}

/**
 * Looks at the logs of running containers every second and rotates those over their limit, until the engine closes. Where
 * one grows by more than its limit between two looks, it looks more often.
 */
export async function rotateLogsForever(room: ContainerRoom): Promise<void> {
  const { closing } = room.settings;
  let intervalMs = CHECK_INTERVAL_MS;
  while (!closing.aborted) {
    try {
      await sleep(intervalMs, undefined, { signal: closing, ref: false });
      const excess = await rotateAll(room);
      const next = intervalMs * Math.min(2, 1 / excess);
      intervalMs = Math.min(CHECK_INTERVAL_MS, Math.max(CHECK_INTERVAL_MS_MIN, next));
    } catch (error) {
      if (closing.aborted) return;
      room.log.warn({ err: error }, 'log rotation failed');
    }
  }
}

/** How large the largest log is, in multiples of its limit. */
async function rotateAll(room: ContainerRoom): Promise<number> {
  let excess = 0;
  for (const record of listContainers(room)) {
    if (isAlive(record.state)) excess = Math.max(excess, await rotateIfLarge(room, record));
  }
  return excess;
}

async function rotateIfLarge(room: ContainerRoom, record: ContainerRecord): Promise<number> {
  const { log } = containerPaths(room, record.id);
  const limits = logLimitsOf(room, record.config);
  const sizeBytes = await stat(log).then(
    ({ size }) => size,
    () => 0,
  );
  if (sizeBytes > limits.maxSizeBytes) {
    await room.locks.run(record.id, async () => {
      const current = findById(room, record.id);
      if (current !== undefined && isAlive(current.state)) await rotateLog(room, current, limits);
    });
  }
  return sizeBytes / Math.max(1, limits.maxSizeBytes);
}

/** Shifts the numbered files up by one, drops what is over the limit, and lets the monitor go on in a new file. */
export async function rotateLog(room: ContainerRoom, { id }: ContainerRecord, { maxFiles }: LogLimits): Promise<void> {
  const { log } = containerPaths(room, id);
  const kept = Math.max(1, maxFiles - 1);
  await rm(`${log}.${kept}`, { force: true });
  for (let number = kept - 1; number >= 1; number--) {
    await rename(`${log}.${number}`, `${log}.${number + 1}`).catch(() => {});
  }
  await room.runtime.rotateLog(id, `${log}.1`);
  if (maxFiles === 1) await rm(`${log}.1`, { force: true });
}
