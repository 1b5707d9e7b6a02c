import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { open, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import { type DiffId, digestOfHex, parseDiffId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import type { ContentStore } from '#/content/content.ts';
import { mountErofs } from '#/linux/erofs.ts';
import { unmount } from '#/linux/mount.ts';
import { listMounts } from '#/linux/mount-info.ts';
import { mountOverlay } from '#/linux/overlay.ts';
import { fsyncDirectory } from '#/linux/sync.ts';
import type { Store } from '#/store/store.ts';
import type { LayerForm } from './derive.ts';
import type { IngestRequest } from './ingest-job.ts';
import { chainKey, type DerivationKey, hexOfDerivation, type LayerFiles } from './layer-files.ts';
import { getTraits, type StoredTraits } from './traits.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface LowersDeps {
  readonly store: Store;
  readonly content: ContentStore;
  readonly files: LayerFiles;
  readonly workers: WorkerPool;
  readonly log: Logger;
  readonly form: LayerForm;
  readonly limits: IngestRequest['limits'];
}

/** A layer as a directory that an overlay can lie on. */
export interface Lower {
  readonly path: string;
  readonly diffId: DiffId;
}

/**
 * Layers as directories: each index is mounted once, whoever uses it, and stays mounted until it is dropped. A mount that
 * an earlier engine left is adopted.
 */
export class Lowers {
  readonly #deps: LowersDeps;
  readonly #locks = new KeyedMutex<string>();
  /** Mount points of indexes, with the layer of each. */
  readonly #mounted = new Map<string, DiffId>();

  constructor(deps: LowersDeps) {
    this.#deps = deps;
    for (const { target, source } of listMounts(deps.files.lowers)) {
      const hex = hexOfDerivation(basename(source));
      if (hex !== undefined) this.#mounted.set(target, parseDiffId(digestOfHex(hex)));
    }
  }

  /** The layer that a directory, as `resolve` gave it, belongs to. */
  diffIdOf(path: string): DiffId | undefined {
    const hex = hexOfDerivation(basename(path));
    return this.#mounted.get(path) ?? (hex === undefined ? undefined : parseDiffId(digestOfHex(hex)));
  }

  /** Takes away what a crash left: mounts of layers that are not kept, and mount points of which nothing came. */
  async sweep(isKept: (diffId: DiffId) => boolean): Promise<void> {
    await this.unmountIf((diffId) => !isKept(diffId));
    const { lowers } = this.#deps.files;
    for (const name of readdirSync(lowers)) {
      const path = join(lowers, name);
      if (this.#mounted.has(path)) continue;
      await unmount(path, { detach: true });
      await rmdir(path).catch(() => {});
    }
  }

  /** Directories for a stack of layers, bottom first as it is given, those that a layer hides altogether left out. */
  async resolve(layers: readonly DiffId[]): Promise<readonly Lower[]> {
    const traits = layers.map((diffId) => getTraits(this.#deps.store, diffId));
    const first = Math.max(
      0,
      traits.findLastIndex((one) => one.isRootOpaque === true),
    );
    const lowers: Lower[] = [];
    for (let i = first; i < layers.length; i++) {
      const [diffId, one] = [layers[i], traits[i]];
      if (diffId === undefined || one === undefined) continue;
      const below = lowers.toReversed();
      const chain = dependsOnLower(one, below.length) ? chainKey(layers.slice(first, i + 1)) : undefined;
      lowers.push({ diffId, path: await this.#ensure({ diffId, form: this.#formOf(one), chain }, below) });
    }
    return lowers;
  }

  /** Unmounts what is mounted of a layer and removes everything derived from it. */
  async remove(diffId: DiffId): Promise<void> {
    await this.unmountIf((mounted) => mounted === diffId);
    const { derivations } = this.#deps.files;
    for (const name of readdirSync(derivations)) {
      if (`sha256:${hexOfDerivation(name)}` === diffId)
        await rm(`${derivations}/${name}`, { recursive: true, force: true });
    }
  }

  /** Unmounts indexes of the layers that the predicate names. */
  async unmountIf(predicate: (diffId: DiffId) => boolean): Promise<void> {
    for (const [path, diffId] of [...this.#mounted]) {
      if (!predicate(diffId)) continue;
      await this.#locks.run(path, async () => {
        this.#mounted.delete(path);
        await unmount(path, { detach: true });
        await rmdir(path).catch(() => {});
      });
    }
  }

  #formOf({ form }: StoredTraits): LayerForm {
    return this.#deps.form === 'unpacked' ? 'unpacked' : form;
  }

  async #ensure(key: DerivationKey, below: readonly Lower[]): Promise<string> {
    const { files } = this.#deps;
    const derived = files.derivation(key);
    const path = key.form === 'unpacked' ? derived : files.lowerMount(key);
    if (this.#mounted.has(path)) return path;
    return await this.#locks.run(path, async () => {
      if (this.#mounted.has(path)) return path;
      if (!existsSync(derived)) await this.#derive(key, derived, below);
      if (key.form === 'erofs') await this.#mount(key, derived, path);
      return path;
    });
  }

  async #mount(key: DerivationKey, index: string, path: string): Promise<void> {
    const tar = this.#deps.content.pathOf(key.diffId);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    mountErofs(index, tar, path);
    try {
      await verifyBacking(this.#deps.store, key.diffId, path, tar);
    } catch (error) {
      await unmount(path, { detach: true });
      throw error;
    }
    this.#mounted.set(path, key.diffId);
  }

  /** Makes an index or tree that is not there: one that depends on the layers below, or one in another form than at first. */
  async #derive(key: DerivationKey, output: string, below: readonly Lower[]): Promise<void> {
    const { files, workers, limits, content, log } = this.#deps;
    const id = randomUUID();
    const outputPath = files.temporaryDerivation(id);
    const lowerPath = key.chain === undefined ? undefined : `${files.lowers}/.${id}`;
    log.info({ layer: key.diffId, chain: key.chain, form: key.form }, 'deriving a layer anew');
    try {
      if (lowerPath !== undefined) mountBelow(lowerPath, below);
      const request = { tarPath: content.pathOf(key.diffId), form: key.form, outputPath, limits };
      const derived = await workers.run({
        job: 'derive',
        request: lowerPath === undefined ? request : { ...request, lowerPath },
      }).result;
      if (!('form' in derived) || derived.form !== key.form) {
        throw new EngineError('data-loss', `layer ${key.diffId} cannot be indexed over the layers below it`);
      }
      await rename(outputPath, output);
      await fsyncDirectory(files.derivations);
    } finally {
      if (lowerPath !== undefined) await unmount(lowerPath, { detach: true });
      if (lowerPath !== undefined) await rm(lowerPath, { recursive: true, force: true });
      await rm(outputPath, { recursive: true, force: true });
    }
  }
}

/** The lowest layer has nothing to take attributes from; a link into nothing must be reported also there. */
const dependsOnLower = (traits: StoredTraits, depth: number): boolean =>
  traits.danglingLinks > 0 || (traits.implicitDirectories > 0 && depth > 0);

function mountBelow(target: string, below: readonly Lower[]): void {
  mkdirSync(target, { recursive: true, mode: 0o700 });
  const lowerDirectories = below.map(({ path }) => path);
  if (lowerDirectories.length > 0) mountOverlay({ lowerDirectories, target, readOnly: true });
}

/** The kernel mounts an index without looking at the tar behind it: read the same bytes both ways. */
async function verifyBacking(store: Store, diffId: DiffId, path: string, tarPath: string): Promise<void> {
  const { probe } = getTraits(store, diffId);
  if (probe === undefined) return;
  const file = Buffer.concat([Buffer.from(`${path}/`), Buffer.from(probe.path, 'latin1')]);
  await using tar = await open(tarPath, 'r');
  const expected = Buffer.alloc(probe.sizeBytes);
  await tar.read(expected, 0, expected.length, probe.offset);
  const actual = await readFile(file);
  if (!actual.equals(expected)) {
    throw new EngineError('internal', `layer ${diffId}: its mounted index does not show the bytes of its tar`);
  }
}
