import type { ContainerId } from '#/base/ids.ts';

export interface ActiveCopy {
  /** Aborts it; resolves once it holds nothing of the container's files any more. */
  end(): Promise<void>;
}

/**
 * Copies in progress, by container. What they hold open keeps a root alive that is unmounted already, and two overlays must
 * never write to one place: so a container's start ends the copies of its earlier runs, and its removal ends all.
 */
export class ActiveCopies {
  readonly #copies = new Map<ContainerId, Map<ActiveCopy, 'of a run' | 'at rest'>>();

  /** The result takes it back. */
  add(id: ContainerId, copy: ActiveCopy, runs: boolean): () => void {
    const copies = this.#copies.get(id) ?? new Map<ActiveCopy, 'of a run' | 'at rest'>();
    this.#copies.set(id, copies.set(copy, runs ? 'of a run' : 'at rest'));
    return () => {
      copies.delete(copy);
      if (copies.size === 0 && this.#copies.get(id) === copies) this.#copies.delete(id);
    };
  }

  has(id: ContainerId): boolean {
    return this.#copies.has(id);
  }

  /** Before a start. Those that began without a run share the root with the new one and go on. */
  async endOfEarlierRuns(id: ContainerId): Promise<void> {
    const copies = this.#copies.get(id);
    if (copies === undefined) return;
    const ended = [...copies].filter(([, kind]) => kind === 'of a run').map(([copy]) => copy.end());
    for (const copy of copies.keys()) copies.set(copy, 'of a run');
    await Promise.all(ended);
  }

  async endAll(id: ContainerId): Promise<void> {
    await Promise.all([...(this.#copies.get(id)?.keys() ?? [])].map((copy) => copy.end()));
  }
}
