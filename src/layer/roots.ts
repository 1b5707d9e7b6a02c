import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { chmod, chown, type FileHandle, mkdir, open, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import type { DiffId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import { unmount } from '#/linux/mount.ts';
import { listMounts } from '#/linux/mount-info.ts';
import { mountOverlay } from '#/linux/overlay.ts';
import { removeTree, sumTree } from '#/linux/trees.ts';
import type { Store } from '#/store/store.ts';
import type { MountedRoot, MountRootOptions, RootId } from './layer.ts';
import type { LayerFiles } from './layer-files.ts';
import type { Lowers } from './lowers.ts';
import { getTraits } from './traits.ts';

/** overlayfs takes no more lower directories. */
const LAYERS_MAX = 500;
/** Opens a path without opening what is there; Node does not name it (open(2)). */
const O_PATH = 0x200000;
const ROOT_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The writable roots; see `LayerStore`. One operation at a time on each. */
export class Roots {
  readonly #deps: { readonly files: LayerFiles; readonly lowers: Lowers; readonly store: Store; readonly log: Logger };
  readonly #locks = new KeyedMutex<RootId>();
  /** Overlays that were unmounted and are still syncing what was written to them. */
  readonly #releasing = new Map<RootId, Promise<void>>();
  /** Mounted roots, with the layers that each uses. */
  readonly #mounted = new Map<RootId, ReadonlySet<DiffId>>();

  constructor(deps: { files: LayerFiles; lowers: Lowers; store: Store; log: Logger }) {
    this.#deps = deps;
    for (const { target, type, superOptions } of listMounts(deps.files.merged)) {
      if (type === 'overlay') this.#mounted.set(basename(target), layersOfOverlay(superOptions, deps.lowers));
    }
  }

  isInUse(diffId: DiffId): boolean {
    return this.#mounted.values().some((layers) => layers.has(diffId));
  }

  async prepare(root: RootId): Promise<void> {
    await mkdir(join(this.#directory(root), 'work'), { recursive: true, mode: 0o700 });
  }

  async mount(root: RootId, layers: readonly DiffId[], options: MountRootOptions): Promise<MountedRoot> {
    const { files } = this.#deps;
    const directory = this.#directory(root);
    const target = join(files.merged, root);
    const upper = join(directory, 'upper');
    const result = { path: target, upperPath: options.readOnly === true ? undefined : upper };
    return await this.#locks.run(root, async () => {
      options.signal?.throwIfAborted();
      if (this.#mounted.has(root)) return result;
      await this.#releasing.get(root);
      checkLayerCount(root, layers);
      const lowers = await this.#deps.lowers.resolve(layers);
      await this.#ensureUpper(directory, layers);
      // Also where there are no layers: overlayfs wants something below.
      const empty = join(files.roots, '.empty');
      const below = lowers.length === 0 ? [empty] : lowers.map(({ path }) => path).reverse();
      const isFresh = mkdirSync(target, { recursive: true, mode: 0o700 }) !== undefined;
      if (options.readOnly === true) {
        // The root directory's own attributes are the upper's, as in a writable root.
        mountOverlay({ lowerDirectories: [upper, ...below], target, readOnly: true });
      } else {
        const volatile = options.ephemeral === true;
        await this.#checkVolatile(root, join(directory, 'work'), isFresh);
        mountOverlay({ lowerDirectories: below, writable: { upper, work: join(directory, 'work') }, target, volatile });
      }
      this.#mounted.set(root, new Set(lowers.map(({ diffId }) => diffId)));
      return result;
    });
  }

  async mountLayers(layers: readonly DiffId[], target: string): Promise<void> {
    checkLayerCount(target, layers);
    const lowers = await this.#deps.lowers.resolve(layers);
    // Something empty at the bottom: a single layer too is then an overlay, in which its whiteouts do not show.
    const below = [...lowers.map(({ path }) => path).reverse(), join(this.#deps.files.roots, '.empty')];
    mountOverlay({ lowerDirectories: below, target, readOnly: true });
  }

  async unmount(root: RootId): Promise<void> {
    const target = join(this.#deps.files.merged, checkRootId(root));
    await this.#locks.run(root, async () => {
      const held = await open(target, O_PATH).catch(() => undefined);
      // A mount that somebody still looks into goes when they leave, as docker does it.
      const wasMounted = await unmount(target, { detach: true });
      this.#mounted.delete(root);
      if (held !== undefined) this.#release(root, held, wasMounted);
    });
  }

  /**
   * The last user of an overlay waits until the whole file system below it is synced, for seconds where others write
   * much. So that this is not whoever stops a container, the mount is held open and let go in the background.
   */
  #release(root: RootId, held: FileHandle, wasMounted: boolean): void {
    const released = held.close().catch((error: unknown) => {
      this.#deps.log.warn({ err: error, root }, 'an unmounted root could not be synced');
    });
    if (!wasMounted) return;
    this.#releasing.set(root, released);
    void released.then(() => {
      if (this.#releasing.get(root) === released) this.#releasing.delete(root);
    });
  }

  /** Resolves when nothing is being synced any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#releasing.values());
  }

  async remove(root: RootId): Promise<void> {
    await this.unmount(root);
    await this.#locks.run(root, async () => {
      const { files } = this.#deps;
      await rmdir(join(files.merged, root)).catch(() => {});
      const aside = join(files.roots, `.removed-${randomUUID()}`);
      try {
        await rename(join(files.roots, root), aside);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return;
        throw toEngineError(error, `remove root ${root}`);
      }
      await removeTree(aside);
    });
  }

  async usage(root: RootId): Promise<number> {
    return await sumTree(join(this.#directory(root), 'upper'));
  }

  list(): readonly RootId[] {
    const { files } = this.#deps;
    const names = [files.roots, files.merged].flatMap((path) => (existsSync(path) ? readdirSync(path) : []));
    return [...new Set(names)].filter((name) => ROOT_ID.test(name));
  }

  /** Removes what removals before a crash left behind. */
  async sweep(): Promise<void> {
    const { files } = this.#deps;
    mkdirSync(join(files.roots, '.empty'), { recursive: true, mode: 0o755 });
    for (const name of readdirSync(files.roots))
      if (name.startsWith('.removed-')) await removeTree(join(files.roots, name));
  }

  #directory(root: RootId): string {
    return join(this.#deps.files.roots, checkRootId(root));
  }

  /** What the container sees as `/` is this directory: it looks as the topmost layer that speaks of its root says. */
  async #ensureUpper(directory: string, layers: readonly DiffId[]): Promise<void> {
    const upper = join(directory, 'upper');
    if (existsSync(upper)) return;
    const fresh = join(directory, `upper.${randomUUID()}`);
    await mkdir(fresh, { recursive: true, mode: 0o755 });
    const top = layers.toReversed().map((diffId) => getTraits(this.#deps.store, diffId).root);
    const root = top.find((one) => one !== undefined) ?? { mode: 0o755, uid: 0, gid: 0 };
    await chown(fresh, root.uid, root.gid);
    await chmod(fresh, root.mode);
    await rename(fresh, upper);
  }

  /**
   * A volatile mount leaves a mark that the kernel refuses to mount over. If the host has been up since (mount points live
   * on a tmpfs), the writes are all there; if not, some are lost and nobody knows which.
   */
  async #checkVolatile(root: RootId, work: string, isFresh: boolean): Promise<void> {
    if (!existsSync(join(work, 'work', 'incompat', 'volatile'))) return;
    if (isFresh) {
      throw new EngineError(
        'data-loss',
        `mount root ${root}: the host went down while it was in use and not to be kept`,
      );
    }
    await rm(join(work, 'work', 'incompat'), { recursive: true, force: true });
  }
}

function checkLayerCount(root: string, layers: readonly DiffId[]): void {
  if (layers.length <= LAYERS_MAX) return;
  throw new EngineError('invalid-argument', `mount root ${root}: ${layers.length} layers; the limit is ${LAYERS_MAX}`);
}

function checkRootId(root: RootId): RootId {
  if (ROOT_ID.test(root)) return root;
  throw new EngineError(
    'invalid-argument',
    `invalid root ${JSON.stringify(root)}: 1 to 64 letters, digits, - and _ expected`,
  );
}

function layersOfOverlay(options: readonly string[], lowers: Lowers): ReadonlySet<DiffId> {
  const paths = options
    .filter((option) => option.startsWith('lowerdir'))
    .flatMap((option) => option.slice(option.indexOf('=') + 1).split(':'));
  return new Set(paths.map((path) => lowers.diffIdOf(path)).filter((diffId) => diffId !== undefined));
}
