/** One queue per key: whoever holds a key's lock has it alone; waiters get it in order. Keys without holders cost nothing. */
export class KeyedMutex<K> {
  readonly #tails = new Map<K, Promise<void>>();

  /** Runs `body` while holding the key's lock. Not re-entrant: taking a key again inside `body` never returns. */
  async run<T>(key: K, body: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(key, promise);
    try {
      await before;
      return await body();
    } finally {
      if (this.#tails.get(key) === promise) this.#tails.delete(key);
      resolve();
    }
  }

  /** True while somebody holds or waits for the key. */
  isLocked(key: K): boolean {
    return this.#tails.has(key);
  }
}
