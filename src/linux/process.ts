import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as constantsOfOs } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';

/** The port through which host programs are started; rooms that need a program of their own are handed it. */
export interface ProgramRunner {
  run(program: string, args: readonly string[], options?: RunOptions): Promise<ProgramResult>;
  spawn(program: string, args: readonly string[], options?: SpawnOptions): Promise<RunningProgram>;
  find(name: string): string | undefined;
}

interface CommonOptions {
  /** The whole environment; without it, this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** When it aborts, the program is killed (SIGKILL). */
  readonly signal?: AbortSignal;
}

export interface RunOptions extends CommonOptions {
  readonly stdin?: string | Uint8Array;
  /** The program is killed after this long, and the call fails with deadline-exceeded. */
  readonly timeoutMs?: number;
  /** Of stdout and of stderr each; more kills the program and fails with resource-exhausted. 16 MiB by default. */
  readonly maxOutputBytes?: number;
}

export interface ProgramResult {
  /** Exit code; 128+n where signal n ended it. */
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one of the program's file descriptors is: a pipe of ours, nothing, our own, or an open descriptor of ours. */
export type ProgramStdio = 'pipe' | 'ignore' | 'inherit' | number;

export interface SpawnOptions extends CommonOptions {
  /** Descriptors from 0 on; the default is three pipes. */
  readonly stdio?: readonly ProgramStdio[];
  /** In a session of its own, so that signals to our process group do not reach it. */
  readonly detached?: boolean;
  readonly argv0?: string;
}

export interface RunningProgram {
  readonly pid: number;
  /** Our ends of the pipes, by descriptor; undefined where it is none. */
  readonly stdio: ReadonlyArray<Readable | Writable | null | undefined>;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Resolves when the process has ended (its pipes may still hold data). Never rejects. */
  readonly exited: Promise<ProgramExit>;
  /** False where it has ended already. */
  kill(signal?: NodeJS.Signals | number): boolean;
  /** Lets this process end while the program runs. */
  unref(): void;
}

export interface ProgramExit {
  /** 128+n where signal n ended it. */
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
}

const DEFAULT_OUTPUT_LIMIT_BYTES = 16 << 20;
/** Where distributions keep programs that a service's or a user's PATH leaves out. */
const FURTHER_DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/usr/libexec/podman',
  '/usr/lib/podman',
  '/usr/libexec',
];

export const hostPrograms: ProgramRunner = { run: runProgram, spawn: spawnProgram, find: findProgram };

/** The absolute path of a host program, from PATH and the places beyond it; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  if (isAbsolute(name)) return isExecutable(name) ? name : undefined;
  const path = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute);
  for (const directory of new Set([...path, ...FURTHER_DIRECTORIES])) {
    const candidate = join(directory, name);
    if (isExecutable(candidate)) return candidate;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts a program. Throws not-found, naming it, where the host has none such. A program given without a slash is looked
 * up as `findProgram` does.
 */
export async function spawnProgram(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<RunningProgram> {
  options.signal?.throwIfAborted();
  const path = locate(program);
  const child = start(path, args, options);
  const exited = new Promise<ProgramExit>((resolve) => {
    child.once('exit', (code, signal) => resolve(exitOf(code, signal)));
  });
  await spawned(child, program);
  killOnAbort(child, options.signal);
  return {
    // Set: the 'spawn' event has come.
    pid: child.pid ?? 0,
    stdio: child.stdio,
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    exited,
    kill: (signal) => child.kill(signal),
    unref: () => child.unref(),
  };
}

/** Runs a program to its end. A non-zero exit is a result, not an error. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  options.signal?.throwIfAborted();
  const path = locate(program);
  const child = start(path, args, {
    ...options,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const limitBytes = options.maxOutputBytes ?? DEFAULT_OUTPUT_LIMIT_BYTES;
  let failure: EngineError | undefined;
  const abandon = (error: EngineError): void => {
    failure ??= error;
    child.kill('SIGKILL');
    // A grandchild may hold the pipes open for ever.
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const tooMuch = () =>
    abandon(
      new EngineError('resource-exhausted', `${program} printed more than the ${limitBytes} bytes that are read`),
    );
  const stdout = collect(child.stdout, limitBytes, tooMuch);
  const stderr = collect(child.stderr, limitBytes, tooMuch);
  const closed = new Promise<ProgramExit>((resolve) => {
    child.once('close', (code, signal) => resolve(exitOf(code, signal)));
  });
  await spawned(child, program);
  using _abort = onAbort(options.signal, () => abandon(new EngineError('canceled', `${program} was canceled`)));
  using _late = onTimeout(options.timeoutMs, (ms) =>
    abandon(new EngineError('deadline-exceeded', `${program} took longer than ${ms} ms`)),
  );
  // A program that ends without reading its input breaks the pipe; its exit code tells what happened.
  child.stdin?.on('error', () => {});
  if (options.stdin !== undefined) child.stdin?.end(options.stdin);
  const exit = await closed;
  if (failure !== undefined) throw failure;
  return { ...exit, stdout: stdout(), stderr: stderr() };
}

function locate(program: string): string {
  if (program.includes('/')) return program;
  const path = findProgram(program);
  if (path === undefined) throw new EngineError('not-found', `the program ${program} is not installed on this host`);
  return path;
}

function start(path: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const { env, cwd, argv0, detached, stdio = ['pipe', 'pipe', 'pipe'] } = options;
  return spawn(path, args, {
    stdio: [...stdio],
    ...(env === undefined ? {} : { env }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(argv0 === undefined ? {} : { argv0 }),
    ...(detached === undefined ? {} : { detached }),
  });
}

function spawned(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => {
      child.on('error', () => {}); // A failed kill; the exit tells.
      resolve();
    });
    child.once('error', (cause) => {
      if (errnoOf(cause) === 'ENOENT') {
        reject(
          new EngineError('not-found', `the program ${program} cannot be started: no such file or working directory`, {
            cause,
          }),
        );
      } else reject(toEngineError(cause, `start ${program}`));
    });
  });
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): ProgramExit {
  return { code: code ?? 128 + (signal === null ? 0 : constantsOfOs.signals[signal]), signal: signal ?? undefined };
}

function collect(stream: Readable | null, limitBytes: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function killOnAbort(child: ChildProcess, signal: AbortSignal | undefined): void {
  const subscription = onAbort(signal, () => child.kill('SIGKILL'));
  child.once('exit', () => subscription[Symbol.dispose]());
}

function onAbort(signal: AbortSignal | undefined, react: () => void): Disposable {
  signal?.addEventListener('abort', react, { once: true });
  if (signal?.aborted) react();
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', react) };
}

function onTimeout(timeoutMs: number | undefined, react: (timeoutMs: number) => void): Disposable {
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => react(timeoutMs), timeoutMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
