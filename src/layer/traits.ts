import { EngineError } from '#/base/errors.ts';
import type { DiffId } from '#/base/ids.ts';
import { findLayerRow } from '#/store/layers.ts';
import type { Store } from '#/store/store.ts';
import type { LayerForm } from './derive.ts';
import type { LayerTraits } from './tree.ts';

/** What a layer's row keeps of it besides sizes. */
export interface StoredTraits extends LayerTraits {
  /** The form that can express it. */
  readonly form: LayerForm;
}

export const printTraits = (traits: StoredTraits): string => JSON.stringify(traits);

/** Throws not-found for a layer that is not stored. */
export function getTraits(store: Store, diffId: DiffId): StoredTraits {
  const row = findLayerRow(store, diffId);
  if (row === undefined) throw new EngineError('not-found', `no such layer: ${diffId}`);
  return JSON.parse(row.traits) as StoredTraits;
}
