import { readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import { withOomScore } from '#/linux/oom-score.ts';
import { openPipe, pipeSocket } from '#/linux/pipe.ts';
import type { RunningProgram } from '#/linux/process.ts';
import { runtimeFailure } from './create-failure.ts';
import type { MonitorTools } from './monitor.ts';
import { type RunDirectory, readPidFile } from './run-directory.ts';
import type { ExecSession, ExecSessionSpec, TaskStdio } from './runtime.ts';
import { pipeStdio } from './stdio.ts';
import { signalProcess } from './task-process.ts';

/**
 * Runs a session without a terminal: the OCI runtime is our child, the program's stdio are pipes of ours. Throws what the
 * runtime said where it could not start the program.
 */
export async function execDirectly(
  tools: MonitorTools,
  id: string,
  directory: RunDirectory,
  spec: ExecSessionSpec,
): Promise<ExecSession> {
  const base = `${directory.path}/exec-${spec.sessionId}`;
  const files = { process: `${base}.json`, pid: `${base}.pid`, log: `${base}.log` };
  try {
    writeFileSync(files.process, JSON.stringify(spec.process), { mode: 0o600 });
    using pidWritten = watchForFile(directory.path, files.pid);
    const args = [
      ...[`--root=${tools.stateRoot}`, `--log=${files.log}`, ...(tools.systemdCgroup ? ['--systemd-cgroup'] : [])],
      ...['exec', `--process=${files.process}`, `--pid-file=${files.pid}`, id],
    ];
    const { program, stdio } = await startWithPipes(tools, args, spec);
    const exited = program.exited.then(({ code }) => code);
    await Promise.race([pidWritten.promise, exited]);
    const pid = readPidFile(files.pid);
    // The runtime writes the pid once it is sure that the program can run.
    if (pid === 0) {
      stdio?.close();
      throw runtimeFailure(`exec in container ${id}`, readLog(files.log));
    }
    stdio?.resumeOutput();
    return { pid, stdio, exited, resize: noTerminal, kill: async (signal) => void signalProcess(pid, signal) };
  } finally {
    for (const file of Object.values(files)) rmSync(file, { force: true });
  }
}

async function noTerminal(): Promise<void> {
  throw new EngineError('invalid-argument', 'cannot resize an exec session that has no terminal');
}

interface PipedProgram {
  readonly program: RunningProgram;
  /** Undefined for a detached session. */
  readonly stdio: TaskStdio | undefined;
}

async function startWithPipes(
  { programs, runtimePath }: MonitorTools,
  args: readonly string[],
  spec: ExecSessionSpec,
): Promise<PipedProgram> {
  // crun sets the score of a container's first process only.
  const [command, argv] = withOomScore(spec.process.oomScoreAdj, runtimePath, args);
  // A session of its own: a Ctrl-C on the engine's terminal is not for the program.
  if (spec.detached) {
    const program = await programs.spawn(command, argv, { stdio: ['ignore', 'ignore', 'ignore'], detached: true });
    program.unref();
    return { program, stdio: undefined };
  }
  using stdin = spec.openStdin ? openPipe() : undefined;
  using stdout = openPipe();
  using stderr = openPipe();
  const program = await programs.spawn(command, argv, {
    stdio: [stdin?.reader.fd ?? 'ignore', stdout.writer.fd, stderr.writer.fd],
    detached: true,
  });
  const input: Socket | undefined = stdin && pipeSocket(stdin.writer, 'writable');
  const stdio = pipeStdio(input, pipeSocket(stdout.reader, 'readable'), pipeSocket(stderr.reader, 'readable'));
  // Until somebody can have set `onOutput`.
  stdio.pauseOutput();
  return { program, stdio };
}

function watchForFile(directory: string, path: string): Disposable & { readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const name = basename(path);
  const look = (): void => {
    if (readPidFile(path) !== 0) resolve();
  };
  const watcher = watch(directory, (_event, changed) => {
    if (changed === name) look();
  });
  watcher.on('error', () => {}); // The program's end still tells.
  return { promise, [Symbol.dispose]: () => watcher.close() };
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
