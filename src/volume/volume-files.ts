import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { chmod, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { unmount } from '#/linux/mount.ts';
import { listMounts } from '#/linux/mount-info.ts';
import { fsyncDirectory } from '#/linux/sync.ts';
import { removeTree } from '#/linux/trees.ts';
import { isVolumeName } from './volume-names.ts';

/** Names that no volume can have: half-made, and on their way out. */
const MAKING = '.making-';
const REMOVED = '.removed-';

/**
 * Where volumes lie: `volumes/<name>/_data` below the data root. A directory appears whole (made aside, then renamed) and
 * goes whole (renamed aside, then deleted). Nothing is ever deleted through a mount.
 */
export class VolumeFiles {
  readonly root: string;

  constructor(dataRoot: string) {
    this.root = join(dataRoot, 'volumes');
    mkdirSync(this.root, { recursive: true, mode: 0o701 });
    chmodSync(this.root, 0o701);
  }

  directory(name: string): string {
    return join(this.root, name);
  }

  mountpoint(name: string): string {
    return join(this.root, name, '_data');
  }

  /** Makes a volume's directories; they are on disk when this returns. Idempotent: only a new one is given its content by `fill`. */
  async make(name: string, fill = async (_data: string): Promise<void> => {}): Promise<void> {
    if (existsSync(this.mountpoint(name))) return;
    const fresh = join(this.root, `${MAKING}${randomUUID()}`);
    try {
      await mkdir(join(fresh, '_data'), { recursive: true, mode: 0o755 });
      await chmod(join(fresh, '_data'), 0o755);
      await chmod(fresh, 0o701);
      await fill(join(fresh, '_data'));
      await rename(fresh, this.directory(name));
    } catch (error) {
      await removeTree(fresh).catch(() => {});
      throw toEngineError(error, `create ${name}: error while creating volume path`);
    }
    await fsyncDirectory(this.root);
  }

  /** Puts a volume's directory where nobody finds it, at once; the path to hand to `discard`. Undefined where there is none. */
  setAside(name: string): string | undefined {
    const directory = this.directory(name);
    if (!existsSync(directory)) return undefined;
    const aside = join(this.root, `${REMOVED}${randomUUID()}`);
    renameSync(directory, aside);
    return aside;
  }

  /** Undoes `setAside`. */
  putBack(aside: string, name: string): void {
    renameSync(aside, this.directory(name));
  }

  async discard(aside: string): Promise<void> {
    const mounted = listMounts(aside);
    if (mounted.length > 0) {
      throw new EngineError('conflict', `remove ${aside}: ${mounted[0]?.target} is still mounted`);
    }
    await removeTree(aside);
  }

  /**
   * Removes what a crash left half-made or half-removed. Directories of volumes that `isKnown` does not name are removed
   * where they are empty; the names of those with content are returned: data is nobody's to delete unasked.
   */
  async sweep(isKnown: (name: string) => boolean): Promise<readonly string[]> {
    const strays: string[] = [];
    for (const name of readdirSync(this.root)) {
      const isAside = name.startsWith(MAKING) || name.startsWith(REMOVED);
      if (!isAside && (!isVolumeName(name) || isKnown(name))) continue;
      for (const { target } of listMounts(this.directory(name)).toReversed()) await unmount(target, { detach: true });
      if (isAside || this.#isEmpty(name)) await this.discard(this.directory(name));
      else strays.push(name);
    }
    return strays;
  }

  #isEmpty(name: string): boolean {
    const data = this.mountpoint(name);
    return !existsSync(data) || readdirSync(data).length === 0;
  }
}
