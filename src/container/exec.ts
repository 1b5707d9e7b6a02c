import { EngineError, messageOf } from '#/base/errors.ts';
import { type ContainerId, type ExecId, newExecId, shortId } from '#/base/ids.ts';
import { classifyCreateFailure } from '#/runtime/create-failure.ts';
import type { ExecSession, TaskStdio, TerminalSize } from '#/runtime/runtime.ts';
import type { OciProcess } from '#/spec/oci/runtime.ts';
import { planExecProcess } from './exec-process.ts';
import { type ContainerRecord, getById, getContainer, publishContainerEvent } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { missingText } from './start-failure.ts';

/** What a caller asks to be run in a container. */
export interface ExecSpec {
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  /** '' means the container's own. */
  readonly user: string;
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly detachKeys: string | undefined;
  readonly consoleSize: readonly [number, number] | undefined;
}

export type ExecState =
  | { readonly status: 'created' }
  | { readonly status: 'running'; readonly pid: number }
  | { readonly status: 'ended'; readonly code: number; readonly pid: number };

/** One exec session. It lives as long as its container and this engine, as Docker's do. */
export interface ExecRecord {
  readonly id: ExecId;
  readonly containerId: ContainerId;
  readonly spec: ExecSpec;
  state: ExecState;
  session: ExecSession | undefined;
}

/** Records a session to be started later. Throws conflict where the container cannot run it now, with Docker's texts. */
export function createExec(room: ContainerRoom, reference: string, spec: ExecSpec): ExecId {
  const record = getContainer(room, reference);
  requireRunning(record);
  if (spec.command.length === 0) throw new EngineError('invalid-argument', 'No exec command specified');
  for (const entry of spec.env) {
    if (entry === '' || entry.startsWith('='))
      throw new EngineError('invalid-argument', `invalid environment variable: ${entry}`);
  }
  const exec: ExecRecord = {
    id: newExecId(),
    containerId: record.id,
    spec,
    state: { status: 'created' },
    session: undefined,
  };
  room.live.execs.set(exec.id, exec);
  publishContainerEvent(room, record, `exec_create: ${wordsOf(spec)}`, { execID: exec.id });
  return exec.id;
}

/** As Docker's events have it: with a blank at the end where there are no arguments. */
function wordsOf({ command: [program = '', ...args] }: ExecSpec): string {
  return `${program} ${args.join(' ')}`;
}

function requireRunning(record: ContainerRecord): void {
  if (record.state.status === 'paused') {
    throw new EngineError('conflict', `container ${record.id} is paused, unpause the container before exec`);
  }
  if (record.state.status === 'restarting') {
    throw new EngineError('conflict', `container ${record.id} is restarting, wait until the container is running`);
  }
  if (record.state.status !== 'running') throw new EngineError('conflict', `container ${record.id} is not running`);
}

/** By id. Throws not-found with Docker's text. */
export function getExec(room: Pick<ContainerRoom, 'live'>, id: string): ExecRecord {
  const exec = room.live.execs.get(id);
  if (exec === undefined) throw new EngineError('not-found', `No such exec instance: ${id}`);
  return exec;
}

/** Starts a session; the stdio is the caller's, undefined for a detached one. A failure leaves Docker's exit code on the record. */
export async function startExec(room: ContainerRoom, id: string, detach: boolean): Promise<TaskStdio | undefined> {
  const exec = getExec(room, id);
  if (exec.state.status !== 'created') {
    const text = exec.state.status === 'ended' ? 'has already run' : 'is already running';
    throw new EngineError('conflict', `Error: Exec command ${id} ${text}`);
  }
  const record = getById(room, exec.containerId);
  requireRunning(record);
  exec.state = { status: 'running', pid: 0 };
  publishContainerEvent(room, record, `exec_start: ${wordsOf(exec.spec)}`, { execID: id });
  const process = planProcess(room, record, exec);
  try {
    const { attach } = exec.spec;
    exec.session = await room.runtime.exec(exec.containerId, {
      sessionId: id,
      process,
      openStdin: attach.stdin && !detach,
      detached: detach || !(attach.stdin || attach.stdout || attach.stderr),
    });
  } catch (error) {
    throw execFailed(exec, error);
  }
  exec.state = { status: 'running', pid: exec.session.pid };
  const recorded = watchExec(room, record, exec, exec.session);
  const { stdio } = exec.session;
  return stdio === undefined ? undefined : endingAfter(stdio, recorded);
}

function planProcess(room: ContainerRoom, record: ContainerRecord, exec: ExecRecord): OciProcess {
  try {
    return planExecProcess(room, record, exec.spec);
  } catch (error) {
    exec.state = { status: 'ended', code: 126, pid: 0 };
    throw error;
  }
}

/** The same stdio, whose end also waits for the exit code: clients ask for it as soon as the output is over. */
function endingAfter(stdio: TaskStdio, recorded: Promise<void>): TaskStdio {
  const ended = stdio.ended.catch(() => {}).then(() => recorded);
  return {
    set onOutput(listener: TaskStdio['onOutput']) {
      stdio.onOutput = listener;
    },
    get onOutput() {
      return stdio.onOutput;
    },
    ended,
    write: (data) => stdio.write(data),
    endInput: () => stdio.endInput(),
    pauseOutput: () => stdio.pauseOutput(),
    resumeOutput: () => stdio.resumeOutput(),
    close: () => stdio.close(),
  };
}

/** Records the exit whenever it comes; resolves then. */
function watchExec(
  room: ContainerRoom,
  record: ContainerRecord,
  exec: ExecRecord,
  session: ExecSession,
): Promise<void> {
  const ended = (code: number): void => {
    exec.state = { status: 'ended', code, pid: session.pid };
    exec.session = undefined;
    publishContainerEvent(room, record, 'exec_die', { execID: exec.id, exitCode: String(code) });
  };
  return session.exited.then(ended, (error: unknown) => {
    room.log.warn({ err: error, exec: exec.id }, 'exec ended without an exit code');
    ended(255);
  });
}

function execFailed(exec: ExecRecord, cause: unknown): EngineError {
  const program = JSON.stringify(exec.spec.command[0] ?? '');
  const prefix = `OCI runtime exec failed: exec failed: unable to start container process: exec: ${program}`;
  const found = classifyCreateFailure(messageOf(cause));
  if (found === 'other') {
    exec.state = { status: 'ended', code: 126, pid: 0 };
    return new EngineError('internal', `OCI runtime exec failed: exec failed: ${otherText(exec, cause)}`, { cause });
  }
  const isMissing = found === 'command-not-found';
  exec.state = { status: 'ended', code: isMissing ? 127 : 126, pid: 0 };
  const reason = isMissing ? missingText(exec.spec.command[0] ?? '') : 'permission denied';
  return new EngineError('invalid-argument', `${prefix}: ${reason}`, { cause });
}

function otherText({ spec }: ExecRecord, cause: unknown): string {
  const text = messageOf(cause);
  if (!/chdir `[^`]*`: No such file or directory/.test(text)) return text;
  return `unable to start container process: chdir to cwd (${JSON.stringify(spec.workingDir)}) set in config.json failed: no such file or directory`;
}

/** Sets the size of a session's terminal. Throws conflict where it is not running. */
export async function resizeExec(room: ContainerRoom, id: string, size: TerminalSize): Promise<void> {
  const exec = getExec(room, id);
  if (exec.session === undefined) throw new EngineError('conflict', `exec ${shortId(id)} is not running`);
  await exec.session.resize(size);
}

/** Sessions of a container, for inspect. */
export function execIdsOf(room: Pick<ContainerRoom, 'live'>, id: ContainerId): readonly ExecId[] {
  return [...room.live.execs.values()]
    .filter((exec) => exec.containerId === id && exec.state.status !== 'ended')
    .map((exec) => exec.id);
}
