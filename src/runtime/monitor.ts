import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { withOomScore } from '#/linux/oom-score.ts';
import type { ProgramRunner, RunningProgram } from '#/linux/process.ts';

/** Everything that starting a monitor needs of the host. */
export interface MonitorTools {
  readonly programs: ProgramRunner;
  readonly conmonPath: string;
  /** `crun`, `runc`. */
  readonly runtimeName: string;
  /** What to execute; may be a sealed copy. */
  readonly runtimePath: string;
  /** The OCI runtime's `--root`. */
  readonly stateRoot: string;
  readonly systemdCgroup: boolean;
}

export interface MonitorReport {
  /** A pid, or an exit code. */
  readonly value: number;
  readonly message: string;
}

const SYNC_FD = 3;
const START_FD = 4;
const ATTACH_FD = 5;

/**
 * The arguments that a task's monitor and that of an exec session have in common. The OOM score is for an exec: crun sets
 * that of a container's first process only, and the monitor hands on none of its own.
 */
export function monitorArguments(tools: MonitorTools, id: string, directory: string, oomScoreAdj?: number): string[] {
  const [runtime, ahead] = withOomScore(oomScoreAdj, tools.runtimePath, []);
  return [
    ...['--api-version', '1', '-c', id, '-n', id, '-u', id],
    ...['-r', runtime, ...ahead.map((argument) => `--runtime-arg=${argument}`)],
    ...[`--runtime-arg=--root=${tools.stateRoot}`, `--runtime-arg=--log=${logOf(directory)}`],
    ...['-b', directory, '--full-attach', '--log-level', 'error'],
    ...(tools.systemdCgroup ? ['-s', '--runtime-arg=--systemd-cgroup'] : []),
  ];
}

const logOf = (directory: string): string => `${directory}/runtime.log`;

/** What the OCI runtime complained of: on a terminal the monitor loses it, so the runtime's log is asked. */
export function readComplaint(directory: string): string {
  try {
    return readFileSync(logOf(directory), 'utf8');
  } catch {
    return '';
  }
}

/** Starts the monitor of a task; its report is the pid of the init. */
export async function spawnTaskMonitor(
  tools: MonitorTools,
  args: readonly string[],
  directory: string,
): Promise<MonitorChannel> {
  const program = await tools.programs.spawn(tools.conmonPath, args, {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: monitorEnvironment({ _OCI_SYNCPIPE: `${SYNC_FD}` }),
  });
  return new MonitorChannel(program);
}

/** Starts the monitor of an exec session, which waits twice for `proceed`: to listen, and to run. */
export async function spawnExecMonitor(
  tools: MonitorTools,
  args: readonly string[],
  directory: string,
): Promise<MonitorChannel> {
  const program = await tools.programs.spawn(tools.conmonPath, args, {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'input-pipe', 'pipe'],
    env: monitorEnvironment({
      _OCI_SYNCPIPE: `${SYNC_FD}`,
      _OCI_STARTPIPE: `${START_FD}`,
      _OCI_ATTACHPIPE: `${ATTACH_FD}`,
    }),
  });
  return new MonitorChannel(program);
}

function monitorEnvironment(pipes: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH, DBUS_SYSTEM_BUS_ADDRESS } = process.env;
  return {
    PATH: PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    ...(DBUS_SYSTEM_BUS_ADDRESS === undefined ? {} : { DBUS_SYSTEM_BUS_ADDRESS }),
    ...pipes,
  };
}

/** Our ends of a monitor's pipes. It goes on when they are closed. */
export class MonitorChannel {
  readonly #start: Writable | undefined;
  readonly #streams: ReadonlyArray<Readable | Writable | null | undefined>;
  readonly #sync: LineReader;
  readonly #attach: LineReader | undefined;

  constructor(program: RunningProgram) {
    this.#streams = program.stdio;
    this.#sync = new LineReader(program.stdio[SYNC_FD] as Readable);
    this.#start = program.stdio[START_FD] as Writable | undefined;
    const attach = program.stdio[ATTACH_FD] as Readable | undefined;
    this.#attach = attach === undefined ? undefined : new LineReader(attach);
    this.#start?.on('error', () => {});
    program.unref();
  }

  proceed(): void {
    this.#start?.write('\n');
  }

  /** Resolves when the attach socket is there. */
  async listening(): Promise<void> {
    await this.#attach?.next();
  }

  /** The next thing that the monitor says; -1 where something failed, also where it ended without a word. */
  async report(): Promise<MonitorReport> {
    const line = await this.#sync.next();
    if (line === undefined) return { value: -1, message: '' };
    const said = JSON.parse(line) as { data?: number; pid?: number; exit_code?: number; message?: string };
    return { value: said.data ?? said.pid ?? said.exit_code ?? -1, message: (said.message ?? '').trim() };
  }

  close(): void {
    for (const stream of this.#streams) stream?.destroy();
  }
}

/** Lines of a stream, one at a time; undefined at its end. */
class LineReader {
  readonly #lines: string[] = [];
  readonly #waiters: Array<(line: string | undefined) => void> = [];
  #rest = '';
  #hasEnded = false;

  constructor(stream: Readable) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => this.#take(chunk));
    stream.on('error', () => {}); // 'close' follows.
    stream.once('close', () => this.#end());
  }

  next(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#hasEnded) return Promise.resolve(line);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #take(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.#give(part);
  }

  #give(line: string): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#lines.push(line);
    else waiter(line);
  }

  #end(): void {
    if (this.#rest !== '') this.#give(this.#rest);
    this.#hasEnded = true;
    for (const waiter of this.#waiters.splice(0)) waiter(undefined);
  }
}
