import { isEngineError } from '#/base/errors.ts';
import type { DiffId, Digest } from '#/base/ids.ts';
import type { Logger } from '#/base/log.ts';
import type { LayerStore } from '#/layer/layer.ts';
import { listLayerNamings, listLeasedDigests } from '#/store/images.ts';
import type { Store } from '#/store/store.ts';

interface GateDeps {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly log: Logger;
  readonly layersInUse: () => Iterable<DiffId>;
}

/**
 * Keeps layers from being removed while somebody relies on them without naming them yet (a load between storing a layer
 * and writing the image's row) or reads them (a save). Holders come and go freely; a sweep runs when nobody holds, and
 * new holders wait for it. It is short: unlinks only.
 */
export class LayerGate {
  readonly #deps: GateDeps;
  #holders = 0;
  #wanted = false;
  #sweeping: Promise<readonly DiffId[]> | undefined;

  constructor(deps: GateDeps) {
    this.#deps = deps;
  }

  /** Until the result is disposed no layer goes away. Disposing runs the sweep that was waiting, if it is the last one. */
  async hold(): Promise<AsyncDisposable> {
    while (this.#sweeping !== undefined) await this.#sweeping.catch(() => {});
    this.#holders++;
    let held = true;
    return {
      [Symbol.asyncDispose]: async () => {
        if (!held) return;
        held = false;
        this.#holders--;
        if (this.#wanted) await this.#sweepQuietly();
      },
    };
  }

  /** For holders: sweep when the last one lets go. */
  sweepLater(): void {
    this.#wanted = true;
  }

  /**
   * Removes the layers that no image, lease or container names, now or, while somebody holds, when the last one lets go.
   * Returns those that were removed by this call. A layer that cannot be removed is logged and left for the next time.
   */
  async sweep(): Promise<readonly DiffId[]> {
    this.#wanted = true;
    if (this.#holders > 0) return [];
    // One at a time; a later call sees what was unnamed meanwhile.
    while (this.#sweeping !== undefined) await this.#sweeping;
    if (this.#holders > 0 || !this.#wanted) return [];
    this.#wanted = false;
    this.#sweeping = this.#removeUnnamed();
    try {
      return await this.#sweeping;
    } finally {
      this.#sweeping = undefined;
    }
  }

  async #sweepQuietly(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'layers could not be swept');
    }
  }

  async #removeUnnamed(): Promise<readonly DiffId[]> {
    const { store, layers, log, layersInUse } = this.#deps;
    const named = new Set<Digest>(listLayerNamings(store).map((row) => row.diff_id));
    for (const digest of listLeasedDigests(store)) named.add(digest);
    for (const diffId of layersInUse()) named.add(diffId);
    const removed: DiffId[] = [];
    for (const diffId of layers.list()) {
      if (named.has(diffId)) continue;
      try {
        await layers.remove(diffId);
        removed.push(diffId);
      } catch (error) {
        if (!isEngineError(error, 'conflict')) log.warn({ err: error, layer: diffId }, 'layer could not be removed');
      }
    }
    return removed;
  }
}
