import { errnoOf, toEngineError } from '#/base/errors.ts';
import { type OwnedFd, ownFd } from './ffi.ts';
import { openPath } from './place.ts';

/**
 * The root directory of a process, in its mounts: whoever walks from this descriptor sees what the process sees. Undefined
 * where there is no such process. That it is the right one, and not another that has its pid by now, is for the caller to check
 * afterwards.
 */
export function openRootOfProcess(pid: number): OwnedFd | undefined {
  try {
    return ownFd(openPath(`/proc/${pid}/root`, { follow: true }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw toEngineError(error, `open the root of process ${pid}`);
  }
}
