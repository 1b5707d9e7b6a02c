/** Counts calls of the things it wraps, and makes chosen ones fail. */
export class Faults {
  /** Calls since the last reset, by name. */
  calls: string[] = [];
  #failAt = Number.POSITIVE_INFINITY;
  #when: 'before' | 'after' = 'before';
  #alsoFailing: string | undefined;

  /** From now on: the `at`-th call (from 1) fails, before or after it did its work; once after that, a call named `also` does. */
  arm(at: number, when: 'before' | 'after', also?: string): void {
    this.calls = [];
    this.#failAt = at;
    this.#when = when;
    this.#alsoFailing = also;
  }

  disarm(): void {
    this.arm(Number.POSITIVE_INFINITY, 'before');
  }

  /** The same thing, each method of which is counted under `name.method`. */
  wrap<T extends object>(name: string, target: T, uncounted: readonly string[] = []): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const method = `${name}.${String(key)}`;
        if (uncounted.includes(String(key))) return value.bind(target);
        return (...args: unknown[]) => this.#call(method, () => value.apply(target, args));
      },
    });
  }

  #call(method: string, run: () => unknown): unknown {
    this.calls.push(method);
    const at = this.calls.length;
    const fails = at === this.#failAt;
    const failsToo = at > this.#failAt && method === this.#alsoFailing;
    if (failsToo) this.#alsoFailing = undefined;
    if (failsToo || (fails && this.#when === 'before')) throw new Error(`injected failure of ${method}`);
    const result = run();
    if (!fails) return result;
    const fail = (): never => {
      throw new Error(`injected failure after ${method}`);
    };
    return result instanceof Promise ? result.then(fail) : fail();
  }
}
