import { mkdirSync } from 'node:fs';
import { errnoError } from '#/base/errors.ts';
import { openPath, Place } from './place.ts';

const LINKS_MAX = 40;

interface Graft {
  readonly source: string;
  readonly readOnly: boolean;
}

export interface OpenOptions {
  /** Also where the path itself is a link; links on the way are always followed. */
  readonly follow: boolean;
  /** Directories that are missing are made, with mode 755. */
  readonly make?: boolean;
}

/**
 * A tree that others may change at any moment, whose paths are followed as a process sees them that has it as its root. Each
 * step takes one name in a directory that is held open and follows no link by itself: links are read and walked here, `..`
 * is the directory from which we came. So no path, link or race leads out. Blocks: for worker threads.
 */
export class RootedTree {
  readonly #root: string;
  #isProtected = false;
  readonly #grafts = new Map<string, Graft>();

  /** `root` is followed once for each path, so name it by a descriptor. */
  constructor(root: string) {
    this.#root = root;
  }

  /** From now on places that are on no graft are `readOnly`. */
  protectRoot(): void {
    this.#isProtected = true;
  }

  /** Shows a file or directory of the host at a path without links, as if it were mounted there. */
  graft(path: string, graft: Graft): void {
    this.#grafts.set(path, graft);
  }

  /** Throws what the kernel would: ENOENT, ENOTDIR, ELOOP. */
  open(path: string, { follow, make = false }: OpenOptions): Place {
    const stack = [new Place(openPath(this.#root, { follow: true }), '/', this.#isProtected, false)];
    const rest = path.split('/');
    try {
      for (let links = 0; rest.length > 0; ) {
        const name = rest.shift() ?? '';
        const here = stack.at(-1);
        if (here === undefined || !here.stats.isDirectory()) throw errnoError(`open ${path}`, 'ENOTDIR');
        if (name === '' || name === '.') continue;
        if (name === '..') {
          if (stack.length > 1) stack.pop()?.[Symbol.dispose]();
          continue;
        }
        const next = make ? this.#enterOrMake(here, name) : this.enter(here, name);
        if (!next.stats.isSymbolicLink() || (rest.length === 0 && !follow)) {
          stack.push(next);
          continue;
        }
        using link = next;
        if (++links > LINKS_MAX) throw errnoError(`open ${path}`, 'ELOOP');
        const target = link.linkTarget();
        if (target.startsWith('/')) for (const place of stack.splice(1)) place[Symbol.dispose]();
        rest.unshift(...target.split('/'));
      }
      return stack.pop() as Place;
    } finally {
      for (const place of stack) place[Symbol.dispose]();
    }
  }

  /** One name in a directory, not followed. Throws ENOENT where there is none. */
  enter(directory: Place, name: string): Place {
    const place = this.find(directory, name);
    if (place === undefined) throw errnoError(`open ${pathIn(directory, name)}`, 'ENOENT');
    return place;
  }

  /** The same; undefined where there is none. */
  find(directory: Place, name: string): Place | undefined {
    const path = pathIn(directory, name);
    const graft = this.#grafts.get(path);
    if (graft !== undefined) return new Place(openPath(graft.source, { follow: true }), path, graft.readOnly, true);
    const fd = directory.openChild(name);
    return fd === undefined ? undefined : new Place(fd, path, directory.readOnly, false);
  }

  #enterOrMake(directory: Place, name: string): Place {
    const existing = this.find(directory, name);
    if (existing !== undefined) return existing;
    if (directory.readOnly) throw errnoError(`make the directory ${directory.path}/${name}`, 'EROFS');
    mkdirSync(directory.child(name), 0o755);
    return this.enter(directory, name);
  }
}

const pathIn = ({ path }: Place, name: string): string => `${path === '/' ? '' : path}/${name}`;
