import { type Flag, Flags, parseBool } from './flag.ts';

/** A mistake in the command line itself, found before anything was done. */
export class UsageError extends Error {
  /** `flag`: docker ends with 125 and shows the usage; `operands`: with 1. */
  readonly what: 'flag' | 'operands' | 'command';

  constructor(what: UsageError['what'], message: string) {
    super(message);
    this.what = what;
  }
}

export interface ParsedArgs {
  readonly flags: Flags;
  readonly operands: readonly string[];
}

export interface ParseOptions {
  /** False where options end at the first operand (`run IMAGE -x` gives -x to the container). */
  readonly interspersed: boolean;
}

const HELP: Flag = { name: 'help', kind: 'bool', help: 'Print usage' };

/**
 * Reads arguments by the rules of docker's option parser: `--name=value`, `--name value`, `-n value`, `-nvalue`,
 * `-n=value`, clusters (`-itv/a:/b`), `--bool=false`, `--`. Throws UsageError with docker's texts.
 */
export function parseArgs(args: readonly string[], known: readonly Flag[], options: ParseOptions): ParsedArgs {
  const given = new Map<string, string[]>();
  const operands: string[] = [];
  const rest = [...args];
  const take = (flag: Flag, value: string, shown: string): void => {
    check(flag, value, shown);
    const name = flag.as ?? flag.name;
    const values = given.get(name);
    if (values === undefined) given.set(name, [value]);
    else values.push(value);
  };
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      operands.push(...rest.splice(0));
    } else if (arg.startsWith('--')) {
      takeLong(arg, known, rest, take);
    } else if (arg.startsWith('-') && arg !== '-') {
      takeShorts(arg, known, rest, take);
    } else {
      operands.push(arg);
      if (!options.interspersed) operands.push(...rest.splice(0));
    }
  }
  return { flags: new Flags(given), operands };
}

type Take = (flag: Flag, value: string, shown: string) => void;

function takeLong(arg: string, known: readonly Flag[], rest: string[], take: Take): void {
  const equals = arg.indexOf('=');
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  if (name === '' || name.startsWith('-')) throw new UsageError('flag', `bad flag syntax: ${arg}`);
  const flag = name === 'help' ? HELP : known.find((one) => one.name === name);
  if (flag === undefined) throw new UsageError('flag', `unknown flag: --${name}`);
  const attached = equals >= 0 ? arg.slice(equals + 1) : undefined;
  const value = attached ?? (flag.kind === 'bool' ? 'true' : rest.shift());
  if (value === undefined) throw new UsageError('flag', `flag needs an argument: --${name}`);
  take(flag, value, shownName(flag));
}

function takeShorts(arg: string, known: readonly Flag[], rest: string[], take: Take): void {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at] ?? '';
    const cluster = arg.slice(at);
    const flag = known.find((one) => one.short === letter);
    if (flag === undefined) throw new UsageError('flag', `unknown shorthand flag: '${letter}' in -${cluster}`);
    const tail = cluster.slice(1);
    if (flag.kind === 'bool' && !tail.startsWith('=')) {
      take(flag, 'true', shownName(flag));
      continue;
    }
    const attached = tail.startsWith('=') ? tail.slice(1) : tail;
    const value = tail === '' ? rest.shift() : attached;
    if (value === undefined) throw new UsageError('flag', `flag needs an argument: '${letter}' in -${cluster}`);
    take(flag, value, shownName(flag));
    return;
  }
}

const shownName = (flag: Flag): string =>
  flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;

function check(flag: Flag, value: string, shown: string): void {
  try {
    if (flag.kind === 'bool') parseBool(value);
    flag.check?.(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError('flag', `invalid argument ${JSON.stringify(value)} for "${shown}" flag: ${reason}`);
  }
}
