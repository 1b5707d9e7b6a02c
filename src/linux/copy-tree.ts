import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { EngineError, errnoError, messageOf } from '#/base/errors.ts';

export interface CopyRequest {
  /** Existing directories. */
  readonly source: string;
  readonly destination: string;
  /** The copy is on disk when it is done. */
  readonly sync?: boolean;
}

/** What the thread says when it is through. */
export type CopyAnswer =
  | { readonly done: true }
  | { readonly done: false; readonly message: string; readonly errno: string | undefined };

/**
 * `copyTreeNow` on a thread of its own: what is in `source`, and that directory's own attributes, into `destination`.
 * Throws resource-exhausted on a full disk; what was copied so far stays.
 */
export async function copyTree(request: CopyRequest): Promise<void> {
  const attempted = `copy ${request.source} to ${request.destination}`;
  const worker = new Worker(new URL('./copy-tree-worker.ts', import.meta.url), {
    workerData: request,
    // The thread closes descriptors by itself; Node would close their numbers again at its end, others' by then.
    trackUnmanagedFds: false,
  });
  try {
    const [answer] = (await once(worker, 'message')) as [CopyAnswer];
    if (answer.done) return;
    if (answer.errno !== undefined) throw errnoError(attempted, answer.errno);
    throw new EngineError('internal', `${attempted}: ${answer.message}`);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError('internal', `${attempted}: ${messageOf(error)}`, { cause: error });
  } finally {
    await worker.terminate();
  }
}
