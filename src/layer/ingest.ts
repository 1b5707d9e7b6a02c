import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import type { Clock } from '#/base/clock.ts';
import { EngineError, toEngineError } from '#/base/errors.ts';
import type { DiffId } from '#/base/ids.ts';
import type { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { ContentStore, PendingBlob } from '#/content/content.ts';
import { fsyncDirectory } from '#/linux/sync.ts';
import { findLayerRow, insertLayer } from '#/store/layers.ts';
import type { Store } from '#/store/store.ts';
import type { LayerForm } from './derive.ts';
import type { IngestRequest, IngestResult } from './ingest-job.ts';
import type { IngestedLayer, IngestOptions } from './layer.ts';
import type { LayerFiles } from './layer-files.ts';
import { printTraits } from './traits.ts';
import type { Job, WorkerPool } from './worker-pool.ts';

export interface IngestDeps {
  readonly store: Store;
  readonly content: ContentStore;
  readonly files: LayerFiles;
  readonly workers: WorkerPool;
  readonly clock: Clock;
  readonly form: LayerForm;
  readonly limits: IngestRequest['limits'];
  readonly locks: KeyedMutex<DiffId>;
}

const BUFFER_BYTES = 1024 * 1024;
const BUFFERS = 4;

/** See `LayerStore.ingest`. */
export async function ingestLayer(
  deps: IngestDeps,
  source: AsyncIterable<Uint8Array>,
  options: IngestOptions,
): Promise<IngestedLayer> {
  options.signal?.throwIfAborted();
  const pending = deps.content.begin();
  const outputPath = deps.files.temporaryDerivation(randomUUID());
  const { expectedDigest, expectedDiffId, expectedSizeBytes } = options;
  const discard = expectedDiffId !== undefined && findLayerRow(deps.store, expectedDiffId) !== undefined;
  const request: IngestRequest = {
    tarPath: pending.path,
    outputPath,
    form: deps.form,
    limits: deps.limits,
    discard,
    ...(expectedDigest === undefined ? {} : { expectedDigest }),
    ...(expectedDiffId === undefined ? {} : { expectedDiffId }),
    ...(expectedSizeBytes === undefined ? {} : { expectedSizeBytes }),
  };
  try {
    const result = await stream(deps.workers, request, source, options.signal);
    const isNew = await deps.locks.run(result.diffId, () => publish(deps, result, pending, outputPath));
    const { diffId, sizeBytes, blobDigest, blobSizeBytes, compression } = result;
    return { diffId, sizeBytes, blobDigest, blobSizeBytes, compression, isNew };
  } finally {
    await pending.abort();
    await rm(outputPath, { recursive: true, force: true });
  }
}

/** Sends the source to a worker through a few buffers that go back and forth: nothing is allocated per piece. */
async function stream(
  workers: WorkerPool,
  request: IngestRequest,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<IngestResult> {
  const buffers = new BufferRing();
  const job = workers.run({ job: 'ingest', request }, (buffer) => buffers.give(buffer));
  const onAbort = (): void => job.send({ type: 'abort' });
  signal?.addEventListener('abort', onAbort, { once: true });
  job.result.then(
    () => buffers.close(),
    () => buffers.close(),
  );
  try {
    await send(job, buffers, source);
    const result = await job.result;
    if (!('blobDigest' in result)) throw new EngineError('internal', 'store layer: the worker gave a wrong answer');
    return result;
  } catch (error) {
    job.send({ type: 'abort' });
    await job.result.catch(() => {});
    if (signal?.aborted) throw new EngineError('canceled', 'store layer: canceled', { cause: error });
    throw toEngineError(error, 'store layer');
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function send(job: Job, buffers: BufferRing, source: AsyncIterable<Uint8Array>): Promise<void> {
  let current: Uint8Array<ArrayBuffer> | undefined;
  let used = 0;
  for await (const piece of untilClosed(source, buffers.closed)) {
    let at = 0;
    while (at < piece.length) {
      current ??= await buffers.take();
      // The worker has given up; its error is the result.
      if (current === undefined) return;
      const count = Math.min(piece.length - at, BUFFER_BYTES - used);
      current.set(at === 0 && count === piece.length ? piece : piece.subarray(at, at + count), used);
      at += count;
      used += count;
      if (used < BUFFER_BYTES) continue;
      job.send({ type: 'data', buffer: current.buffer, lengthBytes: used });
      current = undefined;
      used = 0;
    }
  }
  if (buffers.isClosed) return;
  if (current !== undefined) job.send({ type: 'data', buffer: current.buffer, lengthBytes: used });
  job.send({ type: 'end' });
}

/** The source, but also ending, at once, when `closed` resolves: a source may keep us waiting for ever. */
async function* untilClosed(source: AsyncIterable<Uint8Array>, closed: Promise<void>): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  const end = closed.then(() => ({ done: true, value: undefined }) as const);
  try {
    for (;;) {
      const next = await Promise.race([pieces.next(), end]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a generator that is waiting for its own source returns only after that.
    void Promise.resolve(pieces.return?.()).catch(() => {});
  }
}

class BufferRing {
  readonly #free: ArrayBuffer[] = [];
  readonly #closed = Promise.withResolvers<void>();
  readonly closed = this.#closed.promise;
  #made = 0;
  #wake: () => void = () => {};
  isClosed = false;

  give(buffer: ArrayBuffer): void {
    this.#free.push(buffer);
    this.#wake();
  }

  close(): void {
    this.isClosed = true;
    this.#closed.resolve();
    this.#wake();
  }

  /** The next free buffer; undefined after close. */
  async take(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      if (this.isClosed) return undefined;
      const buffer = this.#free.pop();
      if (buffer !== undefined) return new Uint8Array(buffer);
      if (this.#made < BUFFERS) {
        this.#made++;
        return new Uint8Array(BUFFER_BYTES);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/**
 * Gives the finished files their names, then writes the row; true if this made the layer. The index comes before the tar,
 * so that whatever a crash leaves, an index without a row tells start-up which tar to sweep.
 */
async function publish(
  { store, content, files, clock }: IngestDeps,
  { diffId, sizeBytes, derived }: IngestResult,
  pending: PendingBlob,
  outputPath: string,
): Promise<boolean> {
  if (findLayerRow(store, diffId) !== undefined) return false;
  if (derived === undefined) throw new EngineError('unavailable', `store layer ${diffId}: it was removed meanwhile`);
  const { form, traits } = derived;
  const path = files.derivation({ diffId, form, chain: undefined });
  try {
    await rm(path, { recursive: true, force: true });
    await rename(outputPath, path);
    await fsyncDirectory(files.derivations);
    await pending.commit(diffId);
    insertLayer(store, {
      diff_id: diffId,
      tar_bytes: sizeBytes,
      index_bytes: derived.sizeBytes,
      traits: printTraits({ ...traits, form }),
      created_at: clock.now(),
    });
  } catch (error) {
    await rm(content.pathOf(diffId), { force: true });
    await rm(path, { recursive: true, force: true });
    throw toEngineError(error, `store layer ${diffId}`);
  }
  return true;
}
