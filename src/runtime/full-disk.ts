import { statfsSync } from 'node:fs';
import { EngineError, toEngineError } from '#/base/errors.ts';

/** With less than this, the next thing to be written may be what did not fit. */
const ROOM_BYTES_MIN = 64 * 1024;

/**
 * A failure as an EngineError; where the file system of one of the directories is full, as resource-exhausted with its
 * name, since the programs that we start often lose the reason.
 */
export function explainFailure(error: unknown, attempted: string, directories: readonly string[]): EngineError {
  const known = toEngineError(error, attempted);
  if (known.errno === 'ENOSPC') return known;
  const full = directories.find(isFull);
  if (full === undefined) return known;
  const reason = /no space left/i.test(known.message) ? '' : `: no space left on device below ${full}`;
  return new EngineError('resource-exhausted', `${known.message}${reason}`, { cause: error, errno: 'ENOSPC' });
}

function isFull(directory: string): boolean {
  try {
    const { bavail, bsize, blocks } = statfsSync(directory);
    return blocks > 0 && bavail * bsize < ROOM_BYTES_MIN;
  } catch {
    return false;
  }
}
