import { NoDaemonError } from '#/client/daemon-error.ts';
import { type ParsedArgs, parseArgs, UsageError } from './args/parse.ts';
import { type Command, type CommandIo, ExitError } from './command.ts';
import { GLOBAL_FLAGS, openClient } from './global.ts';
import { COMMAND_GROUPS, COMMON_COMMANDS, type CommandEntry, type CommandTable, OTHER_COMMANDS } from './registry.ts';

/** Runs one command line (without the program's name) and gives the exit status. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    if (error.message !== '') io.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

async function dispatch(args: readonly string[], io: CommandIo): Promise<number> {
  const global = parseGlobal(args, io);
  const [name, ...rest] = global.operands;
  if (global.flags.bool('version')) {
    io.stdout.write(`${(await import('./version.ts')).versionLine()}\n`);
    return 0;
  }
  if (name === undefined || (name === 'help' && rest.length === 0) || global.flags.bool('help')) {
    io.stdout.write((await import('./overview.ts')).printOverview());
    return 0;
  }
  if (name === 'help') return dispatch([...rest, '--help'], io);
  if (name === 'daemon') return await (await import('./daemon.ts')).runDaemon(rest, global.flags, io);
  const group = COMMAND_GROUPS[name];
  if (group !== undefined) return dispatchGroup(name, group, rest, global, io);
  const entry = findEntry({ ...COMMON_COMMANDS, ...OTHER_COMMANDS }, name);
  if (entry === undefined) {
    throw new ExitError(1, `gantry: unknown command: gantry ${name}\n\nRun 'gantry --help' for more information`);
  }
  return runEntry(name, entry, rest, global, io);
}

async function dispatchGroup(
  name: string,
  group: (typeof COMMAND_GROUPS)[string],
  args: readonly string[],
  global: ParsedArgs,
  io: CommandIo,
): Promise<number> {
  const [sub, ...rest] = args;
  if (sub === undefined || sub === '--help') {
    io.stdout.write((await import('./overview.ts')).printGroup(name, group.summary, group.commands));
    return 0;
  }
  const entry = findEntry(group.commands, sub);
  if (entry === undefined) {
    throw new ExitError(
      1,
      `gantry: unknown command: gantry ${name} ${sub}\n\nUsage:  gantry ${name}\n\nRun 'gantry ${name} --help' for more information`,
    );
  }
  return runEntry(`${name} ${sub}`, entry, rest, global, io);
}

const findEntry = (table: CommandTable, name: string): CommandEntry | undefined =>
  Object.hasOwn(table, name) ? table[name] : Object.values(table).find((entry) => entry.aliases?.includes(name));

function parseGlobal(args: readonly string[], io: CommandIo): ParsedArgs {
  try {
    const { flags, operands } = parseArgs(args, GLOBAL_FLAGS, { interspersed: false });
    return { flags, operands };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`${error.message}\n\nUsage:  gantry [OPTIONS] COMMAND [ARG...]\n\n`);
    throw new ExitError(125, "Run 'gantry --help' for more information");
  }
}

async function runEntry(
  name: string,
  entry: CommandEntry,
  args: readonly string[],
  global: ParsedArgs,
  io: CommandIo,
): Promise<number> {
  if (entry.load === undefined) throw new ExitError(1, `gantry ${name}: not implemented yet`);
  const command = await entry.load();
  const parsed = await parseCommandLine(name, command, args);
  if (parsed.flags.bool('help')) {
    io.stdout.write((await import('./overview.ts')).printHelp(name, command, io.stdout.columns));
    return 0;
  }
  using client = openClient(global.flags, io.env);
  try {
    return (await command.run({ ...parsed, client, io })) ?? 0;
  } catch (error) {
    if (error instanceof ExitError || !(error instanceof Error)) throw error;
    if (error instanceof NoDaemonError) throw new ExitError(1, error.message);
    throw new ExitError(1, (await import('./failure.ts')).describeFailure(error));
  }
}

async function parseCommandLine(name: string, command: Command, args: readonly string[]): Promise<ParsedArgs> {
  try {
    const parsed = parseArgs(args, command.flags, { interspersed: command.interspersed ?? true });
    if (!parsed.flags.bool('help')) checkOperands(name, command, parsed.operands.length);
    return parsed;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { describeUsageError } = await import('./failure.ts');
    throw new ExitError(error.what === 'flag' ? 125 : 1, describeUsageError(name, command, error));
  }
}

function checkOperands(name: string, command: Command, count: number): void {
  const [min, max] = command.operands;
  if (count >= min && count <= max) return;
  const plural = (amount: number): string => `${amount} argument${amount === 1 ? '' : 's'}`;
  const wanted =
    max === 0
      ? 'accepts no arguments'
      : min === max
        ? `requires ${plural(min)}`
        : count < min
          ? `requires at least ${plural(min)}`
          : `requires at most ${plural(max)}`;
  throw new UsageError('operands', `gantry: 'gantry ${name}' ${wanted}`);
}
