import { createHash } from 'node:crypto';
import { type ChainId, type DiffId, parseChainId } from '#/base/ids.ts';

/** The chain id of every layer, in the order given (bottom first). Source: OCI image spec, "Layer ChainID". */
export function chainIdsOf(diffIds: readonly DiffId[]): readonly ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(
      below === undefined
        ? parseChainId(diffId)
        : parseChainId(`sha256:${createHash('sha256').update(`${below} ${diffId}`).digest('hex')}`),
    );
  }
  return chain;
}
