import { join, resolve } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import type { Flag, Flags } from './args/flag.ts';
import { type ListenAddress, parseListenAddress, printListenAddress } from './daemon-listen.ts';
import {
  DAEMON_NETWORK_FLAGS,
  type DaemonNetworkOptions,
  printNetworkArgs,
  readNetworkOptions,
} from './daemon-network-options.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** How one daemon is to run. All paths are absolute. */
export interface DaemonOptions extends DaemonNetworkOptions {
  readonly listen: readonly ListenAddress[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly logLevel: LogLevel;
  readonly pidfile?: string;
  /** Name or number of the group that may use the unix sockets. */
  readonly group?: string;
  /** Permissions of the unix sockets. */
  readonly socketMode: number;
  readonly cgroupDriver?: 'cgroupfs' | 'systemd';
  readonly runtime?: string;
  readonly storageDriver?: 'erofs' | 'unpacked';
}

export const DATA_ROOT_DEFAULT = '/var/lib/gantry';
export const EXEC_ROOT_DEFAULT = '/run/gantry';
const SOCKET_MODE_DEFAULT = 0o660;

const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const CGROUP_DRIVERS = ['cgroupfs', 'systemd'] as const;
const STORAGE_DRIVERS = ['erofs', 'unpacked'] as const;

function isOneOf<T extends string>(values: readonly T[], text: string | undefined): text is T {
  return values.some((value) => value === text);
}

const oneOf = (values: readonly string[]) => (text: string) => {
  if (!values.includes(text)) throw new Error(`must be one of ${values.join(', ')}`);
};

function checkMode(text: string): void {
  if (!/^0?[0-7]{3}$/.test(text)) throw new Error('three octal digits expected');
}

export const DAEMON_FLAGS: readonly Flag[] = [
  {
    name: 'host',
    short: 'H',
    kind: 'list',
    help: 'Where to listen: unix:///PATH or tcp://127.0.0.1:PORT',
    fallback: '"unix://EXEC_ROOT/gantry.sock"',
    check: (text) => void parseListenAddress(text),
  },
  { name: 'data-root', kind: 'value', help: 'Directory of everything durable', fallback: `"${DATA_ROOT_DEFAULT}"` },
  {
    name: 'exec-root',
    kind: 'value',
    help: 'Directory of what running containers need',
    fallback: `"${EXEC_ROOT_DEFAULT}"`,
  },
  {
    name: 'log-level',
    short: 'l',
    kind: 'value',
    help: `What to log (${LOG_LEVELS.join(', ')})`,
    fallback: '"info"',
    check: oneOf(LOG_LEVELS),
  },
  { name: 'pidfile', short: 'p', kind: 'value', help: 'File for the process id', fallback: '"EXEC_ROOT/gantry.pid"' },
  { name: 'group', short: 'G', kind: 'value', help: 'Group that may use the unix sockets: its members become root' },
  { name: 'socket-mode', kind: 'value', help: 'Permissions of the unix sockets', fallback: '0660', check: checkMode },
  {
    name: 'cgroup-driver',
    kind: 'value',
    help: 'Who makes control groups (cgroupfs, systemd)',
    check: oneOf(CGROUP_DRIVERS),
  },
  {
    name: 'runtime',
    kind: 'value',
    help: 'OCI runtime, a name or path',
    fallback: 'the first that works of crun and runc',
  },
  {
    name: 'storage-driver',
    kind: 'value',
    help: 'How layers are kept (erofs, unpacked)',
    check: oneOf(STORAGE_DRIVERS),
  },
  ...DAEMON_NETWORK_FLAGS,
];

/** The options that were given, over those that the environment and the defaults give. */
export function readDaemonOptions(flags: Flags, env: NodeJS.ProcessEnv): DaemonOptions {
  const execRoot = absolute(flags.text('exec-root') || env.GANTRY_EXEC_ROOT || EXEC_ROOT_DEFAULT);
  const hosts = flags.list('host');
  const logLevel = flags.text('log-level') ?? 'info';
  const cgroupDriver = flags.text('cgroup-driver');
  const storageDriver = flags.text('storage-driver');
  return {
    listen: (hosts.length > 0 ? hosts : [`unix://${join(execRoot, 'gantry.sock')}`]).map((text) =>
      parseListenAddress(text),
    ),
    dataRoot: absolute(flags.text('data-root') || env.GANTRY_DATA_ROOT || DATA_ROOT_DEFAULT),
    execRoot,
    logLevel: isOneOf(LOG_LEVELS, logLevel) ? logLevel : 'info',
    pidfile: absolute(flags.text('pidfile') || join(execRoot, 'gantry.pid')),
    socketMode: Number.parseInt(flags.text('socket-mode') ?? SOCKET_MODE_DEFAULT.toString(8), 8),
    ...given('group', flags.text('group')),
    ...given('runtime', flags.text('runtime')),
    ...(isOneOf(CGROUP_DRIVERS, cgroupDriver) ? { cgroupDriver } : {}),
    ...(isOneOf(STORAGE_DRIVERS, storageDriver) ? { storageDriver } : {}),
    ...readNetworkOptions(flags),
  };
}

/** The arguments that `readDaemonOptions` reads the same options from, whatever the environment and the directory. */
export function printDaemonArgs(options: DaemonOptions): string[] {
  const values: Readonly<Record<string, string | undefined>> = {
    'data-root': options.dataRoot,
    'exec-root': options.execRoot,
    'log-level': options.logLevel,
    pidfile: options.pidfile,
    group: options.group,
    'socket-mode': options.socketMode.toString(8).padStart(3, '0'),
    'cgroup-driver': options.cgroupDriver,
    runtime: options.runtime,
    'storage-driver': options.storageDriver,
  };
  return [
    ...options.listen.flatMap((address) => ['-H', printListenAddress(address)]),
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...printNetworkArgs(options),
  ];
}

function absolute(path: string): string {
  if (path.includes('\n')) throw new EngineError('invalid-argument', `path ${JSON.stringify(path)} has a line break`);
  return resolve(path);
}

function given<K extends string>(key: K, value: string | undefined): { readonly [key in K]?: string } {
  // A computed key widens to an index signature; the cast says what it is.
  return (value === undefined || value === '' ? {} : { [key]: value }) as { [key in K]?: string };
}
