import { EngineError } from '#/base/errors.ts';

const CONTROL: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };
const DEFAULT_KEYS: readonly number[] = [16, 17];

/** `ctrl-p,ctrl-q`, `a,b` as bytes; docker's default where nothing is given. Throws invalid-argument for what no terminal sends. */
export function parseDetachKeys(text: string | undefined): readonly number[] {
  if (text === undefined || text === '') return DEFAULT_KEYS;
  return text.split(',').map((key) => {
    const control = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase();
    if (control !== undefined && /[a-z]/.test(control)) return control.charCodeAt(0) - 96;
    const code = control === undefined ? undefined : CONTROL[control];
    if (code !== undefined) return code;
    if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
    throw new EngineError('invalid-argument', `invalid detach keys (${text}) provided: Unknown character: '${key}'`);
  });
}

/** Splits typed bytes into what goes on and whether the keys that detach were completed. */
export class DetachKeys {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** Keys that begin the sequence are held back until it is completed or broken. */
  feed(bytes: Uint8Array): { readonly pass: Buffer; readonly detaches: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { pass: Buffer.from(pass), detaches: true };
        continue;
      }
      pass.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) pass.push(byte);
    }
    return { pass: Buffer.from(pass), detaches: false };
  }
}
