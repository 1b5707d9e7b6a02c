import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '#/base/errors.ts';
import { type CopyJob, type CopyMessage, errorOfFailed, type PathStat } from './copy-job.ts';

export interface CopyThread {
  /** What lies at the path; not of jobs that extract. */
  readonly stat: Promise<PathStat>;
  /** The job has ended, and its thread holds nothing of it any more. Throws what it failed with. */
  readonly done: Promise<void>;
}

/** The job that a thread does now. */
interface Running {
  answered(message: CopyMessage): void;
  died(why: string): void;
}

interface Thread {
  readonly worker: Worker;
  running: Running | undefined;
  /** Ends a thread that has had nothing to do for long. */
  idleTimer: NodeJS.Timeout | undefined;
}

/** `docker cp` asks twice (what is there, then the copy), and scripts copy many files in a row. */
const IDLE_MS = 15_000;
const IDLE_MAX = 2;

/** Threads that copy, one job at a time each: started when all others work, and kept for a while when they have nothing to do. */
export class CopyThreads {
  readonly #idle: Thread[] = [];

  /** Does a job on a thread of its own. One that waits for a pipe ends its job when the pipe's other end is closed. */
  start(job: CopyJob): CopyThread {
    const stat = Promise.withResolvers<PathStat>();
    const done = Promise.withResolvers<void>();
    // Not everybody waits for both.
    stat.promise.catch(() => {});
    done.promise.catch(() => {});
    const fail = (error: EngineError): void => {
      stat.reject(error);
      done.reject(error);
    };
    const thread = this.#idle.pop() ?? this.#startThread();
    clearTimeout(thread.idleTimer);
    thread.running = {
      answered(message) {
        if (message.type === 'stat') stat.resolve(message.stat);
        else if (message.type === 'failed') fail(errorOfFailed(message));
        else done.resolve();
      },
      died: (why) => fail(new EngineError('internal', `copy ${job.path}: ${why}`)),
    };
    thread.worker.ref();
    thread.worker.postMessage(job);
    return { stat: stat.promise, done: done.promise };
  }

  #startThread(): Thread {
    const worker = new Worker(new URL('./copy-worker.ts', import.meta.url), {
      // It closes descriptors itself. Node would close their numbers again at its end, which may be others' by then.
      trackUnmanagedFds: false,
    });
    const thread: Thread = { worker, running: undefined, idleTimer: undefined };
    worker.on('message', (message: CopyMessage) => {
      const { running } = thread;
      if (message.type !== 'stat') this.#keep(thread);
      running?.answered(message);
    });
    worker.on('error', (error) => thread.running?.died(messageOf(error)));
    worker.on('exit', () => {
      this.#forget(thread);
      thread.running?.died('the thread ended early');
    });
    return thread;
  }

  /** Until somebody has a job for it, or nobody has had one for long. It keeps no program from ending. */
  #keep(thread: Thread): void {
    thread.running = undefined;
    thread.worker.unref();
    if (this.#idle.length >= IDLE_MAX) {
      void thread.worker.terminate();
      return;
    }
    this.#idle.push(thread);
    thread.idleTimer = setTimeout(() => {
      this.#forget(thread);
      void thread.worker.terminate();
    }, IDLE_MS).unref();
  }

  #forget(thread: Thread): void {
    clearTimeout(thread.idleTimer);
    const at = this.#idle.indexOf(thread);
    if (at !== -1) this.#idle.splice(at, 1);
  }
}
