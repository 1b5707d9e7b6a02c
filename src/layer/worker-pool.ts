import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '#/base/errors.ts';
import { engineErrorOf } from '#/base/plain-error.ts';
import type { JobInput, JobOutput, JobRequest, JobResult } from './worker-protocol.ts';

/** A job that a worker runs. */
export interface Job {
  /** The worker's answer. Rejects with an EngineError; also when the worker dies. */
  readonly result: Promise<JobResult>;
  send(input: JobInput): void;
}

interface Slot {
  readonly worker: Worker;
  readonly jobs: Set<(error: EngineError) => void>;
  stopTimer: NodeJS.Timeout | undefined;
}

/** Worker threads that start when there is work and end when there has been none for a while. */
export class WorkerPool {
  readonly #slots: Slot[] = [];
  readonly #size: number;
  readonly #idleMs: number;
  readonly #onIdle: () => void;

  /** `onIdle` is called when the last worker has ended for want of work. */
  constructor({
    size,
    idleMs,
    onIdle,
  }: { readonly size: number; readonly idleMs: number; readonly onIdle: () => void }) {
    this.#size = size;
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
  }

  /** `onFree` gets back each buffer that was sent. */
  run(request: JobRequest, onFree: (buffer: ArrayBuffer) => void = () => {}): Job {
    const slot = this.#pick();
    clearTimeout(slot.stopTimer);
    const { port1, port2 } = new MessageChannel();
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
    slot.jobs.add(reject);
    const settle = (): void => {
      slot.jobs.delete(reject);
      port1.close();
      this.#stopWhenIdle(slot);
    };
    promise.then(settle, settle);
    listen(port1, onFree, resolve, reject);
    slot.worker.ref();
    slot.worker.postMessage({ request, port: port2 }, [port2]);
    return {
      result: promise,
      send: (input) => port1.postMessage(input, input.type === 'data' ? [input.buffer] : []),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#slots.splice(0).map(({ worker }) => worker.terminate()));
  }

  #pick(): Slot {
    const idle = this.#slots.find((slot) => slot.jobs.size === 0);
    if (idle !== undefined) return idle;
    const [least] = this.#slots.toSorted((a, b) => a.jobs.size - b.jobs.size);
    return least !== undefined && this.#slots.length >= this.#size ? least : this.#start();
  }

  #start(): Slot {
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    const slot: Slot = { worker, jobs: new Set(), stopTimer: undefined };
    const fail = (why: string): void => {
      const at = this.#slots.indexOf(slot);
      if (at !== -1) this.#slots.splice(at, 1);
      for (const reject of slot.jobs) reject(new EngineError('internal', `a worker thread of the layer store ${why}`));
    };
    worker.on('error', (error) => fail(`failed: ${messageOf(error)}`));
    worker.on('exit', () => fail('ended'));
    this.#slots.push(slot);
    return slot;
  }

  #stopWhenIdle(slot: Slot): void {
    if (slot.jobs.size > 0) return;
    slot.worker.unref();
    slot.stopTimer = setTimeout(() => {
      const at = this.#slots.indexOf(slot);
      if (at !== -1) this.#slots.splice(at, 1);
      void slot.worker.terminate().then(() => {
        if (this.#slots.length === 0) this.#onIdle();
      });
    }, this.#idleMs).unref();
  }
}

function listen(
  port: MessagePort,
  onFree: (buffer: ArrayBuffer) => void,
  resolve: (result: JobResult) => void,
  reject: (error: EngineError) => void,
): void {
  port.on('message', (output: JobOutput) => {
    if (output.type === 'free') onFree(output.buffer);
    else if (output.type === 'done') resolve(output.result);
    else reject(engineErrorOf(output.error));
  });
}
