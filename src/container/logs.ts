import type { LogEntry } from './log/k8s-file.ts';
import { readLog } from './log/read-log.ts';
import { containerPaths } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { findById, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

export interface LogsOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  /** RFC 3339 in UTC with nine digits of fraction. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly signal: AbortSignal;
}

/** A container's output from its log, in batches; when following, until the container's end. Throws not-found. */
export async function* containerLogs(
  room: ContainerRoom,
  reference: string,
  options: LogsOptions,
): AsyncGenerator<readonly LogEntry[]> {
  const record = getContainer(room, reference);
  using end = endOf(room, record);
  const wanted = (entry: LogEntry): boolean => (entry.stream === 'stdout' ? options.stdout : options.stderr);
  const batches = readLog(containerPaths(room, record.id).log, {
    tailLines: options.tailLines,
    since: options.since,
    until: options.until,
    followUntil: options.follow ? end.signal : undefined,
    signal: options.signal,
  });
  for await (const batch of batches) {
    const entries = batch.filter(wanted);
    if (entries.length > 0) yield entries;
  }
}

/** A signal that aborts when the container ends or is removed; at once where it has no process to wait for. */
export function endOf(
  room: ContainerRoom,
  record: ContainerRecord,
  { awaitNextRun = false } = {},
): Disposable & { readonly signal: AbortSignal } {
  const end = new AbortController();
  const state = findById(room, record.id)?.state;
  const mayRun =
    state !== undefined &&
    (isAlive(state) ||
      state.status === 'created' ||
      state.status === 'restarting' ||
      (awaitNextRun && state.status === 'exited'));
  if (!mayRun) end.abort();
  const cancels = [room.live.onExit(record.id, () => end.abort()), room.live.onRemoval(record.id, () => end.abort())];
  return {
    signal: end.signal,
    [Symbol.dispose]() {
      for (const cancel of cancels) cancel();
    },
  };
}
