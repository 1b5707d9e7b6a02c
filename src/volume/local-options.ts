import { EngineError } from '#/base/errors.ts';

type Options = Readonly<Record<string, string>>;

/** What the `local` driver is to mount in a volume's place. */
export interface LocalMount {
  /** '' for a bind. */
  readonly type: string;
  readonly device: string;
  /** As after `mount -o`. */
  readonly options: string;
}

/** Each option, with those that it cannot be without. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  type: ['device'],
  device: ['type'],
  o: ['device', 'type'],
  size: [],
};

interface LocalAbilities {
  /** Whether the file system below enforces project quotas. */
  readonly quotas: boolean;
}

/** Throws invalid-argument, with Docker's texts, for options that the `local` driver does not take here. */
export function checkLocalOptions(name: string, options: Options, { quotas }: LocalAbilities): void {
  const refuse = (why: string): never => {
    throw new EngineError('invalid-argument', `create ${name}: ${why}`);
  };
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) refuse(`invalid option: ${JSON.stringify(key)}`);
  }
  const sizeBytes = options.size === undefined ? 0 : parseSize(options.size);
  if (sizeBytes === undefined) refuse(`invalid size: '${options.size}'`);
  // What is mounted from elsewhere has no quota of ours.
  const canLimit = quotas && localMountOf(options) === undefined;
  if (sizeBytes !== 0 && !canLimit) refuse('quota size requested but no quota support');
  for (const [key, required] of Object.entries(KNOWN)) {
    const missing = options[key] === undefined ? undefined : required.find((other) => options[other] === undefined);
    if (missing !== undefined) refuse(`missing required option: ${JSON.stringify(missing)}`);
  }
}

const SIZE = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])i?)?b?$/i;
const EXPONENTS = 'kmgtp';

function parseSize(text: string): number | undefined {
  const parts = SIZE.exec(text);
  if (parts === null) return undefined;
  const [, count, unit = ''] = parts;
  return Math.floor(Number(count) * 1024 ** (unit === '' ? 0 : EXPONENTS.indexOf(unit.toLowerCase()) + 1));
}

/** The bytes that a volume may take; 0 where it is not limited. The options are checked. */
export const sizeLimitOf = ({ size = '0' }: Options): number => parseSize(size) ?? 0;

/** What is to be mounted in the place of a volume with these options; undefined for a plain directory. */
export function localMountOf({ type = '', device = '', o = '' }: Options): LocalMount | undefined {
  return type === '' && device === '' ? undefined : { type, device, options: o };
}
