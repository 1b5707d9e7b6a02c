import { existsSync, renameSync } from 'node:fs';
import { poll } from '#/base/delay.ts';
import { EngineError, toEngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { TaskRoom } from './open.ts';
import { findTaskRecord, runDirectory, sendControl } from './run-directory.ts';

const REOPEN = '2 0 0';
const REOPEN_TIMEOUT_MS = 5000;

/** The monitor writes on into the renamed file until it has opened the new one, so no line is lost between the two. */
export async function rotateTaskLog(room: TaskRoom, id: ContainerId, rotatedPath: string): Promise<void> {
  const directory = runDirectory(room.execRoot, id);
  const logPath = findTaskRecord(directory)?.logPath;
  if (logPath === undefined)
    throw new EngineError('not-found', `container ${id} has no task whose log could be rotated`);
  try {
    renameSync(logPath, rotatedPath);
  } catch (error) {
    throw toEngineError(error, `rotate the log of container ${id}`);
  }
  try {
    sendControl(directory.control, REOPEN);
    const isReopened = await poll(() => (existsSync(logPath) ? true : undefined), {
      intervalMs: 1,
      timeoutMs: REOPEN_TIMEOUT_MS,
    });
    if (isReopened) return;
    throw new EngineError(
      'unavailable',
      `the monitor of container ${id} has not opened a new log in ${REOPEN_TIMEOUT_MS} ms`,
    );
  } catch (error) {
    if (!existsSync(logPath)) renameSync(rotatedPath, logPath);
    throw error;
  }
}
