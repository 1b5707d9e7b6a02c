/** One option of a command, as data. */
export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** `bool` stands alone, `value` takes the last of several, `list` keeps all. */
  readonly kind: 'bool' | 'value' | 'list';
  /** What help shows as the value's type; `string` or `list` unless told. */
  readonly type?: string;
  /** What help shows as the default. */
  readonly fallback?: string;
  readonly help: string;
  /** Another spelling of the option of this name: what is given is kept there, in the order of the command line. */
  readonly as?: string;
  /** Understood, but not shown. */
  readonly hidden?: true;
  /** Throws an Error with the reason where the text is no value of this option. */
  readonly check?: (text: string) => void;
}

/** The options that were given. */
export class Flags {
  readonly #given: ReadonlyMap<string, readonly string[]>;

  constructor(given: ReadonlyMap<string, readonly string[]>) {
    this.#given = given;
  }

  /** Whether there are any at all. */
  any(): boolean {
    return this.#given.size > 0;
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  bool(name: string, fallback = false): boolean {
    const text = this.#given.get(name)?.at(-1);
    return text === undefined ? fallback : parseBool(text);
  }

  text(name: string): string | undefined {
    return this.#given.get(name)?.at(-1);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }

  list(name: string): readonly string[] {
    return this.#given.get(name) ?? [];
  }
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Go's spellings of true and false, since docker's users know them. */
export function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
