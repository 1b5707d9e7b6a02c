import { EngineError } from '#/base/errors.ts';
import type { Flags } from './args/flag.ts';
import { parseArgs, UsageError } from './args/parse.ts';
import { type Command, type CommandIo, ExitError } from './command.ts';
import { daemonCommandLine } from './daemon-entry.ts';
import { DAEMON_FLAGS, type DaemonOptions, readDaemonOptions } from './daemon-options.ts';

/** How `gantry daemon` shows in help. */
export const daemonHelp: Omit<Command, 'run'> = {
  usage: 'daemon [OPTIONS]',
  summary:
    "Run the engine in the foreground\n\n'gantry daemon install' makes it a service of systemd, 'gantry daemon uninstall' takes that back.",
  flags: DAEMON_FLAGS,
  operands: [0, 0],
  examples: [
    'gantry daemon',
    'gantry daemon -H unix:///tmp/g/gantry.sock --data-root /tmp/g/data --exec-root /tmp/g/run --log-level debug',
    'gantry daemon install --now',
  ],
};

/**
 * `gantry daemon …`: this process becomes the daemon, under the same process id (service managers and pid files rely on
 * it). Options that stood before the word `daemon` count too. Returns only for help and for the sub-commands.
 */
export async function runDaemon(args: readonly string[], globalFlags: Flags, io: CommandIo): Promise<number> {
  if (args[0] === 'install' || args[0] === 'uninstall') {
    const { installDaemon, uninstallDaemon } = await import('./daemon-install.ts');
    return await (args[0] === 'install' ? installDaemon : uninstallDaemon)(args.slice(1), io);
  }
  const inherited = globalFlags.list('host').map((host) => `--host=${host}`);
  const logLevel = globalFlags.text('log-level') ?? (globalFlags.bool('debug') ? 'debug' : undefined);
  const words = [...inherited, ...(logLevel === undefined ? [] : [`--log-level=${logLevel}`]), ...args];
  const options = await readCommandLine(words, io);
  if (options === undefined) return 0;
  if (process.getuid?.() !== 0) throw new ExitError(1, 'gantry daemon: the engine needs root');
  if (process.execve === undefined) throw new ExitError(1, `gantry daemon: Node ${process.version} is too old`);
  const [program, ...rest] = daemonCommandLine(options);
  return process.execve(program, [program, ...rest], io.env);
}

async function readCommandLine(words: readonly string[], io: CommandIo): Promise<DaemonOptions | undefined> {
  try {
    const { flags, operands } = parseArgs(words, DAEMON_FLAGS, { interspersed: true });
    if (flags.bool('help')) {
      const { printHelp } = await import('./overview.ts');
      io.stdout.write(printHelp('daemon', { ...daemonHelp, run: async () => 0 }, io.stdout.columns));
      return undefined;
    }
    if (operands.length > 0) throw new UsageError('operands', `gantry: 'gantry daemon' accepts no arguments`);
    return readDaemonOptions(flags, io.env);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof EngineError)) throw error;
    throw new ExitError(125, `${error.message}\n\nRun 'gantry daemon --help' for more information`);
  }
}
