import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type DiffId, hexOf } from '#/base/ids.ts';
import type { LayerForm } from './derive.ts';

/**
 * One derivation of a layer: its index or its extracted tree. `chain` names the layers below for those whose meaning
 * depends on them; such a derivation is a cache and can be made again.
 */
export interface DerivationKey {
  readonly diffId: DiffId;
  readonly form: LayerForm;
  readonly chain: string | undefined;
}

/** Where the layer room keeps what. */
export class LayerFiles {
  readonly derivations: string;
  readonly roots: string;
  /** Mounted indexes. */
  readonly lowers: string;
  /** Mounted roots. */
  readonly merged: string;

  constructor(dataRoot: string, execRoot: string) {
    this.derivations = join(dataRoot, 'layers');
    this.roots = join(dataRoot, 'roots');
    this.lowers = join(execRoot, 'l');
    this.merged = join(execRoot, 'm');
  }

  derivation({ diffId, form, chain }: DerivationKey): string {
    const suffix = form === 'erofs' ? 'erofs' : 'd';
    return join(this.derivations, [hexOf(diffId), ...(chain === undefined ? [] : [chain]), suffix].join('.'));
  }

  /** 128 bits of the name: short, and still nobody can make two layers that share it. */
  lowerMount({ diffId, chain }: DerivationKey): string {
    const name = chain === undefined ? hexOf(diffId) : createHash('sha256').update(`${diffId} ${chain}`).digest('hex');
    return join(this.lowers, name.slice(0, 32));
  }

  temporaryDerivation(id: string): string {
    return join(this.derivations, `.${id}.tmp`);
  }
}

/** The diff id that a file in the derivations' directory belongs to; undefined for temporary files. */
export function hexOfDerivation(name: string): string | undefined {
  return /^([0-9a-f]{64})\.(?:[0-9a-f]{32}\.)?(?:erofs|d)$/.exec(name)?.[1];
}

/** Names a stack of layers, bottom first. */
export const chainKey = (layers: readonly DiffId[]): string =>
  createHash('sha256').update(layers.join(' ')).digest('hex').slice(0, 32);
