import type { ContainerId } from '#/base/ids.ts';
import type { OciProcess, OciResources, OciRuntimeConfig } from '#/spec/oci/runtime.ts';

/**
 * Running OCI bundles, each under a monitor that outlives the engine.
 *
 * Words. A *task* is a container that has a process (Docker's *start* makes it, its exit ends it). The *monitor* (conmon)
 * is its parent: it holds its stdio, writes its log and records its exit. A *session* is one `exec`.
 *
 * Life of a task: `create` writes the bundle, starts the monitor, which makes the container up to but not including its
 * program; `attach` may happen here and loses nothing; `start` lets the program run; `waitExit` tells its end, also when
 * it ended while no engine ran; `delete` (idempotent) removes cgroup, monitor and run directory.
 *
 * Everything is found by the container's id alone, so `open` of a task that an earlier engine made needs nothing else.
 * Implementations: conmon with crun or runc (runsc by configuration); later the virtual machine.
 */
export interface ContainerRuntime {
  /** What the engine chose and why, for `info`. */
  readonly info: RuntimeInfo;

  create(input: CreateTask, options?: { readonly signal?: AbortSignal }): Promise<RunningTask>;
  start(id: ContainerId): Promise<void>;
  /** The task's observed state; undefined where the runtime knows none of that id. */
  observe(id: ContainerId): Promise<ObservedTask | undefined>;
  /** Resolves when the task has ended. `signal` stops waiting. A monitor that was killed gives `{ code: 255, known: false }`. */
  waitExit(id: ContainerId, options?: { readonly signal?: AbortSignal }): Promise<TaskExit>;
  /** `signal` is a number. Doing nothing because the process is gone is a result: false. */
  kill(id: ContainerId, signal: number, options?: { readonly all?: boolean }): Promise<boolean>;
  pause(id: ContainerId): Promise<void>;
  resume(id: ContainerId): Promise<void>;
  update(id: ContainerId, resources: OciResources): Promise<void>;
  /** Ends whatever is left, then removes cgroup, runtime state and run directory. Idempotent. Keeps the log. */
  delete(id: ContainerId): Promise<void>;
  resize(id: ContainerId, size: TerminalSize): Promise<void>;
  /** A new connection to the task's stdio. Any number at once. */
  attach(id: ContainerId, options: AttachOptions): Promise<TaskStdio>;
  /** Renames the log to `rotatedPath` and lets the monitor go on in a new file at the same path; loses nothing. */
  rotateLog(id: ContainerId, rotatedPath: string): Promise<void>;
  exec(id: ContainerId, session: ExecSessionSpec): Promise<ExecSession>;
  /** Ids that have a run directory here, whoever made them. */
  list(): Promise<readonly ContainerId[]>;
  close(): Promise<void>;
}

export interface RuntimeInfo {
  /** `crun`, `runc`, `runsc`. */
  readonly name: string;
  readonly path: string;
  readonly version: string;
  readonly reason: string;
  readonly monitorVersion: string;
}

export interface CreateTask {
  readonly id: ContainerId;
  readonly config: OciRuntimeConfig;
  /** Absolute path of the log file; its directory exists. */
  readonly logPath: string;
  readonly terminal: boolean;
  /** Keep stdin open for attached clients. */
  readonly openStdin: boolean;
  /** Close the container's stdin when the first client that has sent some goes. */
  readonly stdinOnce: boolean;
}

export interface RunningTask {
  /** Pid of the container's init on the host. */
  readonly pid: number;
  readonly monitorPid: number;
}

export interface ObservedTask {
  readonly status: 'created' | 'running' | 'paused' | 'stopped';
  /** 0 where there is no process. */
  readonly pid: number;
  readonly monitorAlive: boolean;
}

export interface TaskExit {
  /** 0–255; 128+n for signal n. */
  readonly code: number;
  /** False where the monitor died before it could record one; code is then 255. */
  readonly known: boolean;
  readonly oomKilled: boolean;
  readonly finishedAtMs: number;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface AttachOptions {
  readonly signal?: AbortSignal;
}

/**
 * One client's connection to a task's stdio. `onOutput` must be set before the first await after it was handed out; output
 * is never held back for a slow reader (that would stop the container): the consumer bounds its own buffer.
 */
export interface TaskStdio {
  /** Called for each piece, in order; on a terminal everything is stdout. */
  onOutput: (stream: 'stdout' | 'stderr', data: Uint8Array) => void;
  /** Resolves when the task has closed its output, or this connection was closed; rejects with unavailable where it was lost. */
  readonly ended: Promise<void>;
  /** Resolves when the task has taken the bytes. Rejects with unavailable when its stdin is closed. */
  write(data: Uint8Array): Promise<void>;
  /** End of input. */
  endInput(): Promise<void>;
  /** Holds output back; its writer then waits. Only for exec sessions: on a container's own stdio it would stop the container. */
  pauseOutput(): void;
  resumeOutput(): void;
  /** Leaves; the task goes on. Idempotent. */
  close(): void;
}

export interface ExecSessionSpec {
  readonly sessionId: string;
  readonly process: OciProcess;
  readonly openStdin: boolean;
  /** Run without anybody listening (`exec -d`). */
  readonly detached: boolean;
}

export interface ExecSession {
  /** Pid on the host; 0 where it ended before it could be read. */
  readonly pid: number;
  /** Undefined for a detached session. */
  readonly stdio: TaskStdio | undefined;
  readonly exited: Promise<number>;
  resize(size: TerminalSize): Promise<void>;
  kill(signal: number): Promise<void>;
}
