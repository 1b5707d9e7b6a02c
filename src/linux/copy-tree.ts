import { once } from 'node:events';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EngineError, errnoError, messageOf, toEngineError } from '#/base/errors.ts';
import { copyTreeNow } from './tree-copier.ts';

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

/** What is copied at once: starting a thread for it would take longer. */
const SMALL_ENTRIES = 16;
const SMALL_BYTES = 64 * 1024;

/**
 * `copyTreeNow` on a thread of its own: what is in `source`, and that directory's own attributes, into `destination`.
 * Throws resource-exhausted on a full disk; what was copied so far stays.
 */
export async function copyTree(request: CopyRequest): Promise<void> {
  const attempted = `copy ${request.source} to ${request.destination}`;
  if (request.sync !== true && isSmall(request.source)) {
    try {
      copyTreeNow(request.source, request.destination);
    } catch (error) {
      throw toEngineError(error, attempted);
    }
    return;
  }
  await copyOnThread(request, attempted);
}

function isSmall(directory: string): boolean {
  const entries = readdirSync(directory, { withFileTypes: true });
  if (entries.length > SMALL_ENTRIES || entries.some((entry) => entry.isDirectory())) return false;
  const sizes = entries.map(({ name }) => lstatSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0) <= SMALL_BYTES;
}

async function copyOnThread(request: CopyRequest, attempted: string): Promise<void> {
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
