import { EngineError } from '#/base/errors.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import type { Images } from '#/image/images.ts';
import type { ProgramRunner } from '#/linux/process.ts';
import { type ImageReference, parseReference } from '#/spec/distribution/reference.ts';
import { importBusybox } from './busybox.ts';
import { DEBIAN_SUITES, type DebianSuite, hostSuite, importDebian } from './debian.ts';

/**
 * Images that are assembled on this machine, without a registry: `gantry.local/busybox`, and `gantry.local/debian:SUITE`
 * (`latest` is the machine's own release, where Gantry knows it), from the packages that the distribution signs.
 */
export interface Bootstrap {
  canProvide(reference: string): boolean;
  /**
   * Makes the image anew from the packages as they are today. Callers that ask for the same one at the same time share it.
   * Throws not-found for a reference that `canProvide` refuses, and unavailable where packages cannot be had.
   */
  provide(reference: string, options?: ProvideImageOptions): Promise<void>;
}

export interface ProvideImageOptions {
  readonly signal?: AbortSignal;
  /** One line for people. */
  readonly onProgress?: (status: string) => void;
}

export interface BootstrapDeps {
  readonly images: Pick<Images, 'find' | 'importImage'>;
  readonly programs: ProgramRunner;
  readonly log: Logger;
  readonly dataRoot: string;
}

const DOMAIN = 'gantry.local';

type Recipe = { readonly kind: 'busybox' } | { readonly kind: 'debian'; readonly suite: DebianSuite };

export function openBootstrap(deps: BootstrapDeps): Bootstrap {
  const making = new KeyedMutex<string>();
  return {
    canProvide: (reference) => findRecipe(reference) !== undefined,
    async provide(reference, options = {}) {
      const found = findRecipe(reference);
      if (found === undefined) {
        throw new EngineError('not-found', `${reference} is no image that can be assembled on this machine`);
      }
      const idOf = (): string | undefined => deps.images.find(found.name)?.id;
      const idBefore = idOf();
      await making.run(found.name, async () => {
        options.signal?.throwIfAborted();
        // Somebody else made it while we waited.
        if (idOf() !== idBefore) return;
        await make(deps, found.recipe, found.name, options);
      });
    },
  };
}

async function make(deps: BootstrapDeps, recipe: Recipe, name: string, options: ProvideImageOptions): Promise<void> {
  const started = performance.now();
  switch (recipe.kind) {
    case 'busybox':
      await importBusybox(deps, [name], options);
      break;
    case 'debian': {
      const bySuite = `${DOMAIN}/debian:${recipe.suite}`;
      await importDebian(deps, recipe.suite, [...new Set([name, bySuite])], options);
      break;
    }
    default:
      recipe satisfies never;
  }
  deps.log.info({ name, durationMs: Math.round(performance.now() - started) }, 'image assembled');
}

function findRecipe(text: string): { readonly recipe: Recipe; readonly name: string } | undefined {
  const reference = parse(text);
  if (reference === undefined || reference.domain !== DOMAIN || reference.digest !== undefined) return undefined;
  const tag = reference.tag ?? 'latest';
  const name = `${DOMAIN}/${reference.path}:${tag}`;
  if (reference.path === 'busybox' && tag === 'latest') return { recipe: { kind: 'busybox' }, name };
  if (reference.path !== 'debian') return undefined;
  const suite = tag === 'latest' ? hostSuite() : DEBIAN_SUITES.find((one) => one === tag);
  return suite === undefined ? undefined : { recipe: { kind: 'debian', suite }, name };
}

function parse(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
