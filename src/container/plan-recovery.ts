import type { ContainerId } from '#/base/ids.ts';
import type { ObservedTask } from '#/runtime/runtime.ts';
import type { ContainerRecord } from './record.ts';
import { planRestart } from './restart-policy.ts';
import { isAlive } from './state.ts';

/** What start-up finds of containers outside the database: each set holds ids. */
export interface ObservedWorld {
  readonly tasks: ReadonlyMap<ContainerId, ObservedTask>;
  /** Every id that has a run directory, sandbox, root or container directory. */
  readonly traces: ReadonlySet<ContainerId>;
}

export type RecoveryAction =
  /** The row says it has a process and it has: watch it. */
  | { readonly kind: 'adopt'; readonly record: ContainerRecord; readonly task: ObservedTask }
  /** It started just before the engine died: its row does not say so yet. */
  | { readonly kind: 'adopt-started'; readonly record: ContainerRecord; readonly task: ObservedTask }
  /** It ended while no engine ran: record how. */
  | { readonly kind: 'record-exit'; readonly record: ContainerRecord }
  /** It has no process and the row says so: give back what a start or exit that was cut short left. */
  | { readonly kind: 'release'; readonly record: ContainerRecord }
  /** Its restart was waiting for its back-off. */
  | { readonly kind: 'restart'; readonly record: ContainerRecord }
  /** Half made, half removed, or to be removed at its exit: take it apart. */
  | { readonly kind: 'dismantle'; readonly record: ContainerRecord }
  /** No row names it. */
  | { readonly kind: 'sweep'; readonly id: ContainerId };

const hasProcess = (task: ObservedTask | undefined): task is ObservedTask =>
  task?.status === 'running' || task?.status === 'paused';

/** What start-up must do so that rows and world agree. Pure. */
export function planRecovery(records: readonly ContainerRecord[], world: ObservedWorld): readonly RecoveryAction[] {
  const known = new Set(records.map((record) => record.id));
  const orphans = [...world.traces].filter((id) => !known.has(id));
  return [
    ...records.flatMap((record) => planOne(record, world)),
    ...orphans.map((id) => ({ kind: 'sweep', id }) as const),
  ];
}

function planOne(record: ContainerRecord, world: ObservedWorld): readonly RecoveryAction[] {
  const task = world.tasks.get(record.id);
  const { state } = record;
  switch (state.status) {
    case 'creating':
    case 'removing':
    case 'dead':
      return [{ kind: 'dismantle', record }];
    case 'created':
    case 'exited':
      if (hasProcess(task)) return [{ kind: 'adopt-started', record, task }];
      if (state.status === 'exited' && record.config.autoRemove) return [{ kind: 'dismantle', record }];
      return planIdle(record, world);
    case 'restarting':
      return hasProcess(task) ? [{ kind: 'adopt-started', record, task }] : [{ kind: 'restart', record }];
    case 'running':
    case 'paused':
      return [hasProcess(task) ? { kind: 'adopt', record, task } : { kind: 'record-exit', record }];
    default:
      return state satisfies never;
  }
}

/** A container without a process: started again where its policy says so and nobody stopped it, else left in peace. */
function planIdle(record: ContainerRecord, world: ObservedWorld): readonly RecoveryAction[] {
  const { state } = record;
  const release: readonly RecoveryAction[] =
    world.tasks.has(record.id) || world.traces.has(record.id) ? [{ kind: 'release', record }] : [];
  if (state.status !== 'exited' || isAlive(state)) return release;
  const always = record.config.restartPolicy.kind === 'always';
  const restarts = planRestart(
    record.config.restartPolicy,
    state.last,
    state.restartCount,
    state.stopRequested && !always,
  );
  return restarts ? [...release, { kind: 'restart', record }] : release;
}
