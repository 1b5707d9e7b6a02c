import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { poll } from '#/base/delay.ts';
import { EngineError } from '#/base/errors.ts';
import { connectSeqpacket } from '#/linux/seqpacket.ts';
import { runtimeFailure } from './create-failure.ts';
import {
  type MonitorChannel,
  type MonitorTools,
  monitorArguments,
  readComplaint,
  spawnExecMonitor,
} from './monitor.ts';
import { isMonitorAlive, type RunDirectory, sendControl } from './run-directory.ts';
import type { ExecSession, ExecSessionSpec, TaskStdio } from './runtime.ts';
import { monitorStdio } from './stdio.ts';
import { signalProcess } from './task-process.ts';

const MONITOR_GRACE_MS = 2000;

/** Runs a session on a terminal of its own, which a second monitor holds. */
export async function execOnTerminal(
  tools: MonitorTools,
  id: string,
  directory: RunDirectory,
  spec: ExecSessionSpec,
): Promise<ExecSession> {
  const path = `${directory.path}/exec-${spec.sessionId}`;
  let channel: MonitorChannel | undefined;
  try {
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(`${path}/process.json`, JSON.stringify(spec.process), { mode: 0o600 });
    channel = await spawnExecMonitor(tools, execArguments(tools, id, path, spec), path);
    const stdio = await connectBeforeStart(channel, path);
    const { value: pid, message } = await channel.report();
    if (pid < 0) {
      stdio.close();
      throw runtimeFailure(`exec in container ${id}`, message || readComplaint(path));
    }
    const exited = exitOf(channel);
    void removeAfterMonitor(exited, path);
    stdio.resumeOutput();
    return {
      pid,
      stdio: spec.detached ? undefined : stdio,
      exited,
      async resize({ rows, columns }) {
        sendControl(`${path}/ctl`, `1 ${rows} ${columns}`);
      },
      kill: async (signal) => void signalProcess(pid, signal),
    };
  } catch (error) {
    channel?.close();
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

function execArguments(tools: MonitorTools, id: string, path: string, spec: ExecSessionSpec): string[] {
  return [
    ...monitorArguments(tools, id, path, spec.process.oomScoreAdj),
    ...['-p', `${path}/pidfile`, '-l', 'none', '-t', ...(spec.openStdin ? ['-i'] : [])],
    ...['--exec', '--exec-attach', '--exec-process-spec', `${path}/process.json`],
  ];
}

/** Nothing that the program prints is missed: it runs only after the second `proceed`. */
async function connectBeforeStart(channel: MonitorChannel, path: string): Promise<TaskStdio> {
  channel.proceed();
  await channel.listening();
  const stdio = monitorStdio(connectSeqpacket(`${path}/attach`));
  // Until somebody can have set `onOutput`.
  stdio.pauseOutput();
  channel.proceed();
  return stdio;
}

/** The monitor still writes into its directory when it has told the exit code. */
async function removeAfterMonitor(exited: Promise<number>, path: string): Promise<void> {
  await exited.catch(() => {});
  await poll(() => (isMonitorAlive(`${path}/ctl`) ? undefined : true), { intervalMs: 5, timeoutMs: MONITOR_GRACE_MS });
  rmSync(path, { recursive: true, force: true });
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
