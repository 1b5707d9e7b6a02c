import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { EngineError } from '#/base/errors.ts';
import { connectSeqpacket } from '#/linux/seqpacket.ts';
import { runtimeFailure } from './create-failure.ts';
import { type MonitorChannel, type MonitorTools, monitorArguments, spawnExecMonitor } from './monitor.ts';
import { type RunDirectory, sendControl } from './run-directory.ts';
import type { ExecSession, ExecSessionSpec, TaskStdio } from './runtime.ts';
import { monitorStdio } from './stdio.ts';
import { signalProcess } from './task-process.ts';

/** Runs a session on a terminal of its own, which a second monitor holds. */
export async function execOnTerminal(
  tools: MonitorTools,
  id: string,
  directory: RunDirectory,
  spec: ExecSessionSpec,
): Promise<ExecSession> {
  const path = `${directory.path}/exec-${spec.sessionId}`;
  const removeFiles = (): void => rmSync(path, { recursive: true, force: true });
  let channel: MonitorChannel | undefined;
  try {
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(`${path}/process.json`, JSON.stringify(spec.process), { mode: 0o600 });
    channel = await spawnExecMonitor(tools, execArguments(tools, id, path, spec), path);
    const stdio = await connectBeforeStart(channel, path);
    const { value: pid, message } = await channel.report();
    if (pid < 0) {
      stdio.close();
      throw runtimeFailure(`exec in container ${id}`, message);
    }
    if (spec.detached) stdio.onOutput = () => {};
    return {
      pid,
      stdio: spec.detached ? undefined : stdio,
      exited: exitOf(channel).finally(removeFiles),
      async resize({ rows, columns }) {
        sendControl(`${path}/ctl`, `1 ${rows} ${columns}`);
      },
      kill: async (signal) => void signalProcess(pid, signal),
    };
  } catch (error) {
    channel?.close();
    removeFiles();
    throw error;
  }
}

function execArguments(tools: MonitorTools, id: string, path: string, spec: ExecSessionSpec): string[] {
  return [
    ...monitorArguments(tools, id, path),
    ...['-p', `${path}/pidfile`, '-l', 'none', '-t', ...(spec.openStdin ? ['-i'] : [])],
    ...['--exec', '--exec-attach', '--exec-process-spec', `${path}/process.json`],
  ];
}

/** Nothing that the program prints is missed: it runs only after the second `proceed`. */
async function connectBeforeStart(channel: MonitorChannel, path: string): Promise<TaskStdio> {
  channel.proceed();
  await channel.listening();
  const stdio = monitorStdio(connectSeqpacket(`${path}/attach`));
  channel.proceed();
  return stdio;
}

async function exitOf(channel: MonitorChannel): Promise<number> {
  try {
    const { value, message } = await channel.report();
    if (value < 0) throw new EngineError('internal', `exec ended without an exit code: ${message}`);
    return value;
  } finally {
    channel.close();
  }
}
