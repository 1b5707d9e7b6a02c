import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { poll } from '#/base/delay.ts';
import { NoDaemonError } from '#/client/daemon-error.ts';
import type { ProgramExit, RunningProgram } from '#/linux/process.ts';
import { Flags } from './args/flag.ts';
import { daemonCommandLine, EXIT_IN_USE } from './daemon-entry.ts';
import { type DaemonOptions, readDaemonOptions } from './daemon-options.ts';

const START_TIMEOUT_MS = 60_000;
/** How long another daemon that holds the roots may take until it answers on our socket. */
const OTHER_TIMEOUT_MS = 20_000;
const POLL_INTERVAL_MS = 15;
const LOG_TAIL_BYTES = 2_000;

/**
 * Starts a daemon in the background that listens on this socket, over the roots that GANTRY_DATA_ROOT and GANTRY_EXEC_ROOT
 * name, and waits until it answers. Any number of callers at once start one. False where that is not ours to do; throws
 * NoDaemonError with the end of the daemon's log where it does not come up.
 */
export async function startDaemon(socketPath: string): Promise<boolean> {
  // Docker's own socket, or nobody's that root could be: a daemon of ours there would be a surprise.
  if (basename(socketPath) === 'docker.sock' || process.getuid?.() !== 0) return false;
  const options = readDaemonOptions(new Flags(new Map([['host', [`unix://${socketPath}`]]])), process.env);
  mkdirSync(options.execRoot, { recursive: true, mode: 0o711 });
  const logPath = join(options.execRoot, 'daemon.log');
  const log = openSync(logPath, 'a+', 0o600);
  try {
    const logStartBytes = fstatSync(log).size;
    const failure = await waitUntilUp(await spawnDaemon(options, log), socketPath);
    if (failure === undefined) return true;
    throw new NoDaemonError(`${failure}\n${readTail(log, logStartBytes)}(the whole log: ${logPath})`, undefined);
  } finally {
    closeSync(log);
  }
}

async function spawnDaemon(options: DaemonOptions, log: number): Promise<RunningProgram> {
  // Loaded here: most command lines find a daemon.
  const { hostPrograms } = await import('#/linux/process.ts');
  const [program, ...args] = daemonCommandLine(options);
  const daemon = await hostPrograms.spawn(program, args, { stdio: ['ignore', log, log], detached: true, cwd: '/' });
  daemon.unref();
  return daemon;
}

/** Undefined once the socket answers; else why it will not. */
async function waitUntilUp(daemon: RunningProgram, socketPath: string): Promise<string | undefined> {
  let exit: ProgramExit | undefined;
  let deadline = performance.now() + START_TIMEOUT_MS;
  void daemon.exited.then((ended) => {
    exit = ended;
    deadline = Math.min(deadline, performance.now() + OTHER_TIMEOUT_MS);
  });
  const outcome = await poll(
    async () => {
      if (await answers(socketPath)) return 'up';
      if (exit !== undefined && exit.code !== EXIT_IN_USE)
        return `the Gantry daemon could not be started (it ended with ${exit.code}):`;
      return performance.now() > deadline ? `no Gantry daemon answers on unix://${socketPath}:` : undefined;
    },
    { intervalMs: POLL_INTERVAL_MS, timeoutMs: START_TIMEOUT_MS },
  );
  return outcome === 'up' ? undefined : (outcome ?? `the Gantry daemon does not answer after ${START_TIMEOUT_MS} ms:`);
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function readTail(log: number, startBytes: number): string {
  const endBytes = fstatSync(log).size;
  const from = Math.max(startBytes, endBytes - LOG_TAIL_BYTES);
  const buffer = Buffer.alloc(Math.max(0, endBytes - from));
  const length = readSync(log, buffer, 0, buffer.length, from);
  const text = buffer.toString('utf8', 0, length).trimEnd();
  return text === '' ? '' : `${text.replaceAll(/^/gm, '  ')}\n`;
}
