import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { type Engine, type EngineOptions, openEngine } from '#/engine/index.ts';
import { notifyServiceManager } from '#/engine/service-manager.ts';
import { type StagedSocket, stageSocket } from './listen-socket.ts';
import { type Listener, serveApi } from './serve.ts';

/** How one daemon is to run. All paths are absolute. */
export interface DaemonSettings extends Omit<EngineOptions, 'log'> {
  readonly listen: readonly Listener[];
  readonly logLevel: string;
  readonly pidfile?: string;
  /** Name or number of the group that may use the unix sockets. */
  readonly group?: string;
  /** Permissions of the unix sockets. */
  readonly socketMode: number;
}

type Log = ReturnType<typeof openLog>;

/**
 * Opens an engine, serves it, and on SIGTERM or SIGINT closes both, with containers left running. The process ends with 0
 * then, with 1 where it cannot start, and at once at a second signal.
 */
export async function runDaemon(options: DaemonSettings): Promise<void> {
  process.umask(0o022);
  const log = openLog(options.logLevel);
  dieLoudly(log);
  const stopped = stopRequested(log);
  try {
    await using engine = await openEngine({ ...options, log });
    await serveUntil(stopped, engine, options, log);
  } catch (error) {
    log.fatal({ err: error }, `the daemon stops: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
  log.info({}, 'stopped; containers run on');
  // Whatever still holds the event loop open (a client's half-closed connection) is no reason to stay.
  process.exit(0);
}

async function serveUntil(stopped: Promise<void>, engine: Engine, options: DaemonSettings, log: Log): Promise<void> {
  using sockets = new DisposableStack();
  const staged: StagedSocket[] = [];
  const listeners: Listener[] = [];
  for (const address of options.listen) {
    if (address.kind === 'tcp') {
      listeners.push(address);
      continue;
    }
    const socket = await stageSocket(address.path, { ...options, mode: options.socketMode });
    sockets.defer(() => socket.remove());
    staged.push(socket);
    listeners.push({ kind: 'unix', path: socket.path });
  }
  await using server = await serveApi(engine, { listeners, log });
  for (const socket of staged) socket.publish();
  if (options.pidfile !== undefined) {
    const { pidfile } = options;
    writePidfile(pidfile);
    sockets.defer(() => rmSync(pidfile, { force: true }));
  }
  log.info({ listen: options.listen.map(nameOf), ports: server.ports, pid: process.pid }, 'listening');
  notifyServiceManager('READY=1');
  await stopped;
  notifyServiceManager('STOPPING=1');
}

const nameOf = (listener: Listener): string =>
  listener.kind === 'unix' ? `unix://${listener.path}` : `tcp://${listener.host}:${listener.port}`;

const openLog = (level: string) =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );

/** Resolves at the first signal that asks to stop; the second ends the process. */
function stopRequested(log: Log): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(130);
      isStopping = true;
      log.info({ signal }, 'stopping');
      resolve();
    });
  }
  return promise;
}

/** A mistake of ours ends the daemon, as it would without this, but with a line in the log; a new one recovers. */
function dieLoudly(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'internal error');
    process.exit(1);
  });
}

function writePidfile(path: string): void {
  writeFileSync(`${path}.new`, `${process.pid}\n`);
  renameSync(`${path}.new`, path);
}
