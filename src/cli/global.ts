import { DockerClient } from '#/client/client.ts';
import { parseHost } from '#/client/host.ts';
import type { Flag, Flags } from './args/flag.ts';
import { ExitError } from './command.ts';

const SOCKET_DEFAULT = 'unix:///run/gantry/gantry.sock';

/** Options that stand before the command. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: 'config', kind: 'value', help: 'Location of client config files' },
  {
    name: 'context',
    short: 'c',
    kind: 'value',
    help: 'Name of the context to use to connect to the daemon',
    hidden: true,
  },
  { name: 'debug', short: 'D', kind: 'bool', help: 'Enable debug mode' },
  { name: 'host', short: 'H', kind: 'list', help: 'Daemon socket to connect to' },
  {
    name: 'log-level',
    short: 'l',
    kind: 'value',
    help: 'Set the logging level ("debug", "info", "warn", "error", "fatal")',
    fallback: '"info"',
  },
  { name: 'version', short: 'v', kind: 'bool', help: 'Print version information and quit' },
];

/** A client of the daemon that the options, GANTRY_HOST or DOCKER_HOST name; the default socket otherwise. */
export function openClient(flags: Flags, env: NodeJS.ProcessEnv): DockerClient {
  if (flags.list('host').length > 1) throw new ExitError(1, 'Specify only one -H');
  const text = flags.text('host') || env.GANTRY_HOST || env.DOCKER_HOST || SOCKET_DEFAULT;
  try {
    const host = parseHost(text);
    const startsDaemon = env.GANTRY_AUTOSTART === '1' && host.kind === 'unix';
    return new DockerClient({
      host,
      ...(env.DOCKER_API_VERSION ? { apiVersion: env.DOCKER_API_VERSION } : {}),
      ...(startsDaemon ? { startDaemon: async () => (await import('./autostart.ts')).startDaemon(host.path) } : {}),
    });
  } catch (error) {
    throw new ExitError(1, error instanceof Error ? error.message : String(error));
  }
}
