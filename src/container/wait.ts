import { EngineError } from '#/base/errors.ts';
import { findById, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { exitCodeOf, isAlive } from './state.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  readonly code: number;
  /** Why the container that was to be removed is still there. */
  readonly removalError?: string;
}

/**
 * Waits for a container's end, as `docker wait` does. The container is looked up before this returns its promise's first
 * turn, so a waiter that was told "waiting" misses no exit. Throws canceled when the signal aborts.
 */
export function waitContainer(
  room: ContainerRoom,
  reference: string,
  condition: WaitCondition,
  signal?: AbortSignal,
): Promise<WaitResult> {
  const record = getContainer(room, reference);
  if (condition === 'not-running' && !isAlive(record.state) && record.state.status !== 'restarting') {
    return Promise.resolve({ code: exitCodeOf(record.state) });
  }
  const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
  let lastCode = exitCodeOf(record.state);
  const cancels: Array<() => void> = [];
  const done = (settle: () => void): void => {
    for (const cancel of cancels) cancel();
    settle();
  };
  const listenForExit = (): void => {
    cancels.push(
      room.live.onExit(record.id, (run) => {
        lastCode = run.code;
        const current = findById(room, record.id);
        const goesOn =
          condition === 'removed' || (condition === 'not-running' && current?.state.status === 'restarting');
        if (goesOn) listenForExit();
        else done(() => resolve({ code: run.code }));
      }),
    );
  };
  listenForExit();
  cancels.push(room.live.onRemoval(record.id, (last) => done(() => resolve({ code: last?.code ?? lastCode }))));
  if (condition === 'removed') {
    const failed = ({ message }: Error) => done(() => resolve({ code: lastCode, removalError: message }));
    cancels.push(room.live.onRemovalFailure(record.id, failed));
  }
  const canceled = (): void =>
    done(() => reject(new EngineError('canceled', `wait for container ${reference}: the caller left`)));
  signal?.addEventListener('abort', canceled, { once: true });
  cancels.push(() => signal?.removeEventListener('abort', canceled));
  return promise;
}
