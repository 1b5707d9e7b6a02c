/**
 * The life of a container as one union and one table of allowed transitions. Docker's flags (`Running`, `Paused`, …) are
 * printed from it in `api/`, never stored. Times are milliseconds since the epoch.
 */
export type ContainerState =
  | { readonly status: 'creating' }
  | Created
  | Running
  | Paused
  | Restarting
  | Exited
  | Removing
  | Dead;

export interface Created {
  readonly status: 'created';
  /** Why the last attempt to start it failed, with the exit code that Docker gives such a failure. */
  readonly startFailure: { readonly code: number; readonly message: string } | undefined;
}

export interface Run {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly restartCount: number;
  /** Somebody asked for its end, so no restart policy applies. */
  readonly stopRequested: boolean;
}

export interface Running extends Run {
  readonly status: 'running';
}

export interface Paused extends Run {
  readonly status: 'paused';
}

export interface EndedRun {
  readonly code: number;
  readonly oomKilled: boolean;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly error: string;
}

export interface Restarting {
  readonly status: 'restarting';
  readonly last: EndedRun;
  readonly restartCount: number;
}

export interface Exited {
  readonly status: 'exited';
  readonly last: EndedRun;
  readonly restartCount: number;
  readonly stopRequested: boolean;
}

export interface Removing {
  readonly status: 'removing';
  readonly last: EndedRun | undefined;
  /** With its anonymous volumes. */
  readonly volumes: boolean;
}

/** Its removal failed: what could not be removed is listed, and removing it again tries again. */
export interface Dead {
  readonly status: 'dead';
  readonly leftovers: readonly string[];
  readonly last: EndedRun | undefined;
}

export type ContainerStatus = ContainerState['status'];

const NEXT: Readonly<Record<ContainerStatus, readonly ContainerStatus[]>> = {
  creating: ['created', 'removing', 'dead'],
  created: ['created', 'running', 'removing', 'exited'],
  running: ['running', 'paused', 'exited', 'restarting', 'removing'],
  paused: ['running', 'paused', 'exited', 'restarting', 'removing'],
  restarting: ['running', 'exited', 'restarting', 'removing'],
  exited: ['running', 'exited', 'restarting', 'removing'],
  removing: ['removing', 'dead'],
  dead: ['removing', 'dead'],
};

/** Whether the table allows a container to go from one status to another. */
export function canBecome(from: ContainerStatus, to: ContainerStatus): boolean {
  return NEXT[from].includes(to);
}

/** A container that has a process: running or paused. */
export function isAlive(state: ContainerState): state is Running | Paused {
  return state.status === 'running' || state.status === 'paused';
}

/** How its latest run ended; undefined while it runs and before the first end. */
export function lastRun(state: ContainerState): EndedRun | undefined {
  return 'last' in state ? state.last : undefined;
}

/** The exit code that Docker shows: of the last run, or of a start that failed; 0 otherwise. */
export function exitCodeOf(state: ContainerState): number {
  if (state.status === 'created') return state.startFailure?.code ?? 0;
  return lastRun(state)?.code ?? 0;
}
