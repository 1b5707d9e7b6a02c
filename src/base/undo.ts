import type { Logger } from './log.ts';

interface UndoStep {
  readonly what: string;
  readonly run: () => void | Promise<void>;
}

/**
 * The undo list of a multi-step operation. After each step that made something, `add` the way to unmake it. On failure
 * `unwind` runs them newest first, tolerates failures (logged; returned as leftovers) and lets the first error stand, which
 * a bare AsyncDisposableStack would hide inside a SuppressedError.
 */
export class UndoList {
  readonly #steps: UndoStep[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(what: string, run: () => void | Promise<void>): void {
    this.#steps.push({ what, run });
  }

  /** Forget all steps: the operation succeeded and what it made now belongs to somebody else. */
  release(): void {
    this.#steps.length = 0;
  }

  /** Run every step newest first; the descriptions of those that failed are returned. Never throws. */
  async unwind(): Promise<readonly string[]> {
    const leftovers: string[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.run();
      } catch (error) {
        this.#log.warn({ err: error, step: step.what }, 'undo step failed');
        leftovers.push(step.what);
      }
    }
    return leftovers;
  }
}

/** Run `body` with an undo list: its steps are undone, newest first, when the body throws, and forgotten when it returns. */
export async function withUndo<T>(log: Logger, body: (undo: UndoList) => Promise<T>): Promise<T> {
  const undo = new UndoList(log);
  try {
    const result = await body(undo);
    undo.release();
    return result;
  } catch (error) {
    await undo.unwind();
    throw error;
  }
}
