import { EngineError } from '#/base/errors.ts';

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** `ctrl-p,ctrl-q` as bytes. Throws invalid-argument for a key that no terminal sends. */
export function parseDetachKeys(text: string): Uint8Array {
  return Uint8Array.from(text.split(','), (key) => {
    const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key);
    if (control !== null) return (control[1] ?? '').toUpperCase().charCodeAt(0) & 0x1f;
    if (key.length === 1) return key.charCodeAt(0);
    throw new EngineError('invalid-argument', `Invalid escape keys (${text}) provided`);
  });
}

/** Looks for the detach keys in a stream of input. */
export class DetachDetector {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What of `chunk` (and of what was held back before) is input; `detached` once the keys are complete. */
  take(chunk: Uint8Array): { readonly input: Uint8Array; readonly detached: boolean } {
    const input: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        input.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else input.push(byte);
      if (this.#matched === this.#keys.length) return { input: Uint8Array.from(input), detached: true };
    }
    return { input: Uint8Array.from(input), detached: false };
  }
}
