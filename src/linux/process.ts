import { type ChildProcess, spawn } from 'node:child_process';
import { constants as constantsOfOs } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { onAbort } from '#/base/abort.ts';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import { findProgram, locateProgram } from './find-program.ts';
import { spawnProgram } from './spawn-program.ts';

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

/**
 * What one of the program's file descriptors is: a pipe to us (for descriptor 0, from us), a pipe from us, nothing, our own,
 * or an open descriptor of ours.
 */
export type ProgramStdio = 'pipe' | 'input-pipe' | 'ignore' | 'inherit' | number;

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

export const hostPrograms: ProgramRunner = { run: runProgram, spawn: spawnProgram, find: findProgram };

/** Runs a program to its end. A non-zero exit is a result, not an error. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  options.signal?.throwIfAborted();
  const path = locateProgram(program);
  const child = start(path, args, options);
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

function start(path: string, args: readonly string[], { env, cwd, stdin }: RunOptions): ChildProcess {
  return spawn(path, args, {
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
    ...(cwd === undefined ? {} : { cwd }),
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

function onTimeout(timeoutMs: number | undefined, react: (timeoutMs: number) => void): Disposable {
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => react(timeoutMs), timeoutMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
