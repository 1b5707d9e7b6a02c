import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { onAbort } from '#/base/abort.ts';
import { EngineError, errnoOf } from '#/base/errors.ts';
import { locateProgram } from './find-program.ts';
import { openPipe, pipeSocket } from './pipe.ts';
import { collectExit, posixSpawnProgram } from './posix-spawn.ts';
import type { ProgramExit, ProgramStdio, RunningProgram, SpawnOptions } from './process.ts';

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
  const path = locateProgram(program);
  const ends = openEnds(options.stdio ?? ['pipe', 'pipe', 'pipe']);
  try {
    const pid = posixSpawnProgram({
      path,
      argv: [options.argv0 ?? path, ...args],
      env: options.env ?? process.env,
      fds: ends.map(({ theirs }) => theirs),
      cwd: options.cwd,
      newSession: options.detached ?? false,
    });
    return new SpawnedProgram(
      pid,
      ends.map(({ take }) => take?.()),
      options.signal,
    );
  } catch (error) {
    for (const end of ends) end.abandon?.();
    if (errnoOf(error) !== 'ENOENT') throw error;
    const text = `the program ${program} cannot be started: no such file or working directory`;
    throw new EngineError('not-found', text, { cause: error });
  } finally {
    for (const end of ends) end.closeTheirs?.();
  }
}

/** One of the program's descriptors: what it gets, and what becomes of our end of a pipe. */
interface End {
  readonly theirs: number | undefined;
  readonly closeTheirs?: () => void;
  readonly take?: () => Readable | Writable;
  readonly abandon?: () => void;
}

function openEnds(stdio: readonly ProgramStdio[]): readonly End[] {
  return stdio.map((kind, index): End => {
    if (kind === 'ignore') return { theirs: undefined };
    if (kind === 'inherit') return { theirs: index };
    if (typeof kind === 'number') return { theirs: kind };
    const { reader, writer } = openPipe();
    const isInput = kind === 'input-pipe' || index === 0;
    const [theirs, ours] = isInput ? [reader, writer] : [writer, reader];
    return {
      theirs: theirs.fd,
      closeTheirs: () => theirs[Symbol.dispose](),
      take: () => pipeSocket(ours, isInput ? 'writable' : 'readable'),
      abandon: () => ours[Symbol.dispose](),
    };
  });
}

const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

class SpawnedProgram implements RunningProgram {
  readonly pid: number;
  readonly stdio: RunningProgram['stdio'];
  readonly exited: Promise<ProgramExit>;
  #hasEnded = false;

  constructor(pid: number, stdio: RunningProgram['stdio'], signal: AbortSignal | undefined) {
    this.pid = pid;
    this.stdio = stdio;
    this.exited = this.#watch();
    const subscription = onAbort(signal, () => this.kill('SIGKILL'));
    void this.exited.then(() => subscription[Symbol.dispose]());
  }

  get stdin(): Writable | undefined {
    return (this.stdio[0] ?? undefined) as Writable | undefined;
  }

  get stdout(): Readable | undefined {
    return (this.stdio[1] ?? undefined) as Readable | undefined;
  }

  get stderr(): Readable | undefined {
    return (this.stdio[2] ?? undefined) as Readable | undefined;
  }

  /** The pid stays the program's until it is collected here, so it is never somebody else's that is killed. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    return !this.#hasEnded && process.kill(this.pid, signal);
  }

  unref(): void {
    for (const stream of this.stdio) (stream as { unref?: () => void } | undefined)?.unref?.();
  }

  /** The kernel tells by SIGCHLD that some child has ended, not which: each looks for itself. */
  #watch(): Promise<ProgramExit> {
    const { promise, resolve } = Promise.withResolvers<ProgramExit>();
    const look = (): void => {
      const exit = collectExit(this.pid);
      if (exit === undefined) return;
      this.#hasEnded = true;
      process.off('SIGCHLD', look);
      resolve({ code: exit.code, signal: SIGNAL_NAMES.get(exit.signal) });
    };
    // One listener each; beyond ten Node would take them for a leak.
    process.setMaxListeners(Math.max(process.getMaxListeners(), process.listenerCount('SIGCHLD') + 11));
    process.on('SIGCHLD', look);
    look();
    return promise;
  }
}
