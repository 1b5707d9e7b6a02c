import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { Flag, Flags } from './args/flag.ts';
import { parseArgs, UsageError } from './args/parse.ts';
import { type CommandIo, ExitError } from './command.ts';
import { DAEMON_FLAGS, type DaemonOptions, printDaemonArgs, readDaemonOptions } from './daemon-options.ts';
import { findSystemd, systemctl } from './systemctl.ts';
import { printUnit } from './systemd-unit.ts';

const LAUNCHER = fileURLToPath(new URL('../../gantry', import.meta.url));
const UNIT = '/etc/systemd/system/gantry.service';
const TMPFILES = '/etc/tmpfiles.d/gantry.conf';
const DOCKER_SOCKET = '/run/docker.sock';

const ROOT_FLAG: Flag = {
  name: 'root',
  kind: 'value',
  help: 'Install below this directory, for packagers; starts nothing',
};
const INSTALL_FLAGS: readonly Flag[] = [
  { name: 'link-docker-sock', kind: 'bool', help: `Let ${DOCKER_SOCKET} lead to this daemon, now and after each boot` },
  { name: 'now', kind: 'bool', help: 'Start it at once' },
  ROOT_FLAG,
];

const INSTALL_HELP = {
  usage: 'install [OPTIONS]',
  summary: 'Make the engine a service of systemd; the options of the daemon become part of it',
  flags: [...INSTALL_FLAGS, ...DAEMON_FLAGS],
  examples: ['gantry daemon install --now', 'gantry daemon install --link-docker-sock --data-root /srv/gantry'],
};
const UNINSTALL_HELP = {
  usage: 'uninstall [OPTIONS]',
  summary: 'Stop the service and take it from systemd; containers run on and images stay',
  flags: [ROOT_FLAG],
  examples: ['gantry daemon uninstall'],
};

/** Writes the unit and, as asked, the link at Docker's socket; where systemd runs, enables the service and starts it. */
export async function installDaemon(args: readonly string[], io: CommandIo): Promise<number> {
  const flags = await readFlags(args, INSTALL_HELP, io);
  if (flags === undefined) return 0;
  const root = flags.text('root') ?? '';
  const options = optionsOf(flags, io.env);
  if (flags.bool('link-docker-sock')) await linkDockerSocket(root, options, io);
  writeBelow(root, UNIT, printUnit(LAUNCHER, printDaemonArgs(options)));
  io.stdout.write(`${UNIT} written\n`);
  if (root !== '') return 0;
  const programs = await findSystemd();
  if (programs === undefined) {
    io.stderr.write('systemd does not run here, so nothing was enabled or started\n');
    return 0;
  }
  await systemctl(programs, ['daemon-reload']);
  await systemctl(programs, ['enable', ...(flags.bool('now') ? ['--now'] : []), 'gantry.service']);
  io.stdout.write(
    flags.bool('now') ? 'gantry.service runs, now and after each boot\n' : 'gantry.service starts at the next boot\n',
  );
  return 0;
}

/** Takes back what `installDaemon` made. */
export async function uninstallDaemon(args: readonly string[], io: CommandIo): Promise<number> {
  const flags = await readFlags(args, UNINSTALL_HELP, io);
  if (flags === undefined) return 0;
  const root = flags.text('root') ?? '';
  const programs = root === '' ? await findSystemd() : undefined;
  if (programs !== undefined && existsSync(UNIT)) await systemctl(programs, ['disable', '--now', 'gantry.service']);
  const target = linkedByUs(root);
  if (target !== undefined && readLink(join(root, DOCKER_SOCKET)) === target) rmSync(join(root, DOCKER_SOCKET));
  for (const file of [UNIT, TMPFILES]) rmSync(join(root, file), { force: true });
  if (programs !== undefined) await systemctl(programs, ['daemon-reload']);
  io.stdout.write('gantry.service removed; containers run on, and images stay\n');
  return 0;
}

/** Where our tmpfiles.d line says that Docker's socket leads. */
function linkedByUs(root: string): string | undefined {
  try {
    return / - - - - (.*)$/m.exec(readFileSync(join(root, TMPFILES), 'utf8'))?.[1];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function linkDockerSocket(root: string, options: DaemonOptions, io: CommandIo): Promise<void> {
  const target = options.listen.find((address) => address.kind === 'unix')?.path;
  if (target === undefined) throw new ExitError(1, 'there is no unix socket (-H unix:///PATH) to link to');
  const link = join(root, DOCKER_SOCKET);
  if (readLink(link) !== target) {
    await removeDead(link);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  }
  // `L` makes the link where there is nothing, and leaves alone what is there.
  writeBelow(root, TMPFILES, `L ${DOCKER_SOCKET} - - - - ${target}\n`);
  io.stdout.write(`${DOCKER_SOCKET} leads to ${target}\n`);
}

async function removeDead(link: string): Promise<void> {
  const stat = lstatSync(link, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket() && !stat.isSymbolicLink()) throw new ExitError(1, `${link} is no socket; it stays as it is`);
  if (await isListening(link)) throw new ExitError(1, `somebody listens on ${link} (dockerd?); stop that first`);
  rmSync(link);
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // Anything but an answer that nobody is there may be somebody.
    socket.once('error', (error) => resolve(!['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error) ?? '')));
  });
}

function writeBelow(root: string, path: string, text: string): void {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}

async function readFlags(
  args: readonly string[],
  help: typeof UNINSTALL_HELP,
  io: CommandIo,
): Promise<Flags | undefined> {
  try {
    const { flags, operands } = parseArgs(args, help.flags, { interspersed: true });
    if (operands.length > 0)
      throw new UsageError('operands', `gantry: 'gantry daemon ${help.usage.split(' ', 1)}' accepts no arguments`);
    if (!flags.bool('help')) return flags;
  } catch (error) {
    if (error instanceof UsageError) throw new ExitError(125, error.message);
    throw error;
  }
  const { printHelp } = await import('./overview.ts');
  const name = `daemon ${help.usage.split(' ', 1)}`;
  io.stdout.write(printHelp(name, { ...help, operands: [0, 0], run: async () => 0 }, io.stdout.columns));
  return undefined;
}

function optionsOf(flags: Flags, env: NodeJS.ProcessEnv): DaemonOptions {
  try {
    return readDaemonOptions(flags, env);
  } catch (error) {
    if (error instanceof EngineError) throw new ExitError(125, error.message);
    throw error;
  }
}
