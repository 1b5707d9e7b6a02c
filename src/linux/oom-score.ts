import { writeFileSync } from 'node:fs';
import { errnoOf, toEngineError } from '#/base/errors.ts';

/** Sets how soon the kernel ends this process where memory runs out: -1000 to 1000, proc(5). Nothing where it has ended. */
export function setOomScore(pid: number, score: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return;
    throw toEngineError(error, `set the OOM score of process ${pid} to ${score}`);
  }
}
