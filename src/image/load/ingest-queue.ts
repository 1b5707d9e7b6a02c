import type { IngestedLayer, IngestOptions, LayerStore } from '#/layer/layer.ts';

const PENDING_MAX = 4;

/**
 * Feeds layers to the layer store one after the other, as one stream brings them, without waiting for what the store does
 * after a layer's last byte: hashing, indexing and syncing go on while the next layer is read.
 */
export class IngestQueue implements AsyncDisposable {
  readonly #layers: LayerStore;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #pending = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(layers: LayerStore, signal: AbortSignal | undefined) {
    this.#layers = layers;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Resolves when the source has been read to its end; `layer` does when it is stored. Throws what any layer threw. */
  async feed(source: AsyncIterable<Uint8Array>, options: IngestOptions): Promise<{ layer: Promise<IngestedLayer> }> {
    while (this.#pending.size >= PENDING_MAX) await Promise.race(this.#pending);
    this.throwFailure();
    const consumed = Promise.withResolvers<void>();
    const layer = this.#layers.ingest(this.#watch(source, consumed.resolve), { ...options, signal: this.#signal });
    const settled = layer.then(
      () => {},
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    this.#pending.add(settled);
    void settled.then(() => this.#pending.delete(settled));
    await Promise.race([consumed.promise, settled]);
    this.throwFailure();
    return { layer };
  }

  /** The source itself. That it broke off is known at once, before the store says so in words of its own. */
  async *#watch(source: AsyncIterable<Uint8Array>, tellEnd: () => void): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      tellEnd();
    }
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Waits for all layers that were fed. Throws what any of them threw. */
  async finish(): Promise<void> {
    await Promise.all(this.#pending);
    this.throwFailure();
  }

  /** Stops what is going on and waits until it has stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#pending);
  }
}
