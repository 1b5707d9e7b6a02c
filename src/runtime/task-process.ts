import { errnoOf, toEngineError } from '#/base/errors.ts';
import { processStartTicks } from '#/linux/process-identity.ts';
import type { TaskRecord } from './run-directory.ts';

/** True while the task's init runs; a process that got its pid later does not count. */
export function isInitAlive(record: TaskRecord): boolean {
  return record.startTicks !== undefined && processStartTicks(record.pid) === record.startTicks;
}

/** Sends a signal to the init alone; false where it has ended. */
export function signalInit(record: TaskRecord, signal: number): boolean {
  return isInitAlive(record) && signalProcess(record.pid, signal);
}

/** False where there is no such process. */
export function signalProcess(pid: number, signal: number): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw toEngineError(error, `send signal ${signal} to process ${pid}`);
  }
}
