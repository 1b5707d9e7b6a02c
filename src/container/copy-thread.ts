import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '#/base/errors.ts';
import { type CopyJob, type CopyMessage, errorOfFailed, type PathStat } from './copy-job.ts';

export interface CopyThread {
  /** What lies at the path; not of jobs that extract. */
  readonly stat: Promise<PathStat>;
  /** The thread has ended, and holds nothing any more. Throws what the job failed with. */
  readonly done: Promise<void>;
}

/** Does a job on a thread of its own. A thread that waits for a pipe ends when the pipe's other end is closed. */
export function startCopyThread(job: CopyJob): CopyThread {
  const stat = Promise.withResolvers<PathStat>();
  const done = Promise.withResolvers<void>();
  let failure: EngineError | undefined = new EngineError('internal', `copy ${job.path}: the thread ended early`);
  const worker = new Worker(new URL('./copy-worker.ts', import.meta.url), {
    workerData: job,
    // It closes descriptors itself. Node would close their numbers again at its end, which may be others' by then.
    trackUnmanagedFds: false,
  });
  worker.on('message', (message: CopyMessage) => {
    if (message.type === 'stat') stat.resolve(message.stat);
    else failure = message.type === 'failed' ? errorOfFailed(message) : undefined;
  });
  worker.on('error', (error) => {
    failure = new EngineError('internal', `copy ${job.path}: ${messageOf(error)}`, { cause: error });
  });
  worker.on('exit', () => {
    if (failure !== undefined) stat.reject(failure);
    if (failure === undefined) done.resolve();
    else done.reject(failure);
  });
  // Not everybody waits for both.
  stat.promise.catch(() => {});
  done.promise.catch(() => {});
  return { stat: stat.promise, done: done.promise };
}
