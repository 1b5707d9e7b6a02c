import type { ContainerId } from '#/base/ids.ts';
import type { TaskStdio } from '#/runtime/runtime.ts';
import { ActiveCopies } from './active-copies.ts';
import { CopyThreads } from './copy-threads.ts';
import type { ExecRecord } from './exec.ts';
import type { EndedRun } from './state.ts';

/** Somebody who asked to attach before the task existed. */
export interface PendingAttachment {
  /** Called between the task's creation and its start. */
  connected(stdio: TaskStdio): void;
  /** The start failed, or the container went. */
  failed(error: unknown): void;
}

interface LiveContainer {
  readonly exitListeners: Set<(run: EndedRun) => void>;
  readonly removalListeners: Set<(run: EndedRun | undefined) => void>;
  readonly removalFailureListeners: Set<(error: Error) => void>;
  readonly pendingAttachments: Set<PendingAttachment>;
}

/**
 * What is true of containers only while this engine runs: who waits for them, who wants to attach, their exec sessions.
 * Nothing here outlives the process; nothing that outlives it is here.
 */
export class LiveContainers {
  readonly #containers = new Map<ContainerId, LiveContainer>();
  readonly execs = new Map<string, ExecRecord>();
  readonly copies = new ActiveCopies();
  readonly copyThreads = new CopyThreads();
  /** Aborts a restart that waits for its back-off. */
  readonly restartTimers = new Map<ContainerId, AbortController>();
  /** Those that end only to be started again at once: `--rm` does not apply to that end. */
  readonly restarted = new Set<ContainerId>();

  /** Calls `listener` at the next exit; the result takes it back. */
  onExit(id: ContainerId, listener: (run: EndedRun) => void): () => void {
    return this.#listen(id, 'exitListeners', listener);
  }

  /** Calls `listener` once the container is removed; the result takes it back. */
  onRemoval(id: ContainerId, listener: (run: EndedRun | undefined) => void): () => void {
    return this.#listen(id, 'removalListeners', listener);
  }

  /** Calls `listener` each time that a removal leaves something behind; the result takes it back. */
  onRemovalFailure(id: ContainerId, listener: (error: Error) => void): () => void {
    return this.#listen(id, 'removalFailureListeners', listener);
  }

  exited(id: ContainerId, run: EndedRun): void {
    const listeners = this.#containers.get(id)?.exitListeners;
    if (listeners === undefined) return;
    const called = [...listeners];
    listeners.clear();
    for (const listener of called) listener(run);
    this.#forgetIfIdle(id);
  }

  removed(id: ContainerId, last: EndedRun | undefined): void {
    const live = this.#containers.get(id);
    this.#containers.delete(id);
    for (const [execId, exec] of this.execs) if (exec.containerId === id) this.execs.delete(execId);
    for (const listener of live?.removalListeners ?? []) listener(last);
  }

  removalFailed(id: ContainerId, error: Error): void {
    for (const listener of [...(this.#containers.get(id)?.removalFailureListeners ?? [])]) listener(error);
  }

  addPendingAttachment(id: ContainerId, attachment: PendingAttachment): () => void {
    return this.#listen(id, 'pendingAttachments', attachment);
  }

  /** All that wait to attach; they are the caller's now. */
  takePendingAttachments(id: ContainerId): readonly PendingAttachment[] {
    const pending = this.#containers.get(id)?.pendingAttachments;
    if (pending === undefined) return [];
    const taken = [...pending];
    pending.clear();
    this.#forgetIfIdle(id);
    return taken;
  }

  #listen<K extends keyof LiveContainer>(
    id: ContainerId,
    key: K,
    item: LiveContainer[K] extends Set<infer T> ? T : never,
  ) {
    let live = this.#containers.get(id);
    if (live === undefined) {
      live = {
        exitListeners: new Set(),
        removalListeners: new Set(),
        removalFailureListeners: new Set(),
        pendingAttachments: new Set(),
      };
      this.#containers.set(id, live);
    }
    const set = live[key] as Set<unknown>;
    set.add(item);
    return () => {
      set.delete(item);
      this.#forgetIfIdle(id);
    };
  }

  #forgetIfIdle(id: ContainerId): void {
    const live = this.#containers.get(id);
    if (live === undefined) return;
    if (Object.values(live).every(({ size }) => size === 0)) this.#containers.delete(id);
  }
}
