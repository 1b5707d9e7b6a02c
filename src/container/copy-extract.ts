import { constants, linkSync, mkdirSync, openSync, readSync, symlinkSync } from 'node:fs';
import { type ByteString, bytesOf, textOf } from '#/archive/byte-string.ts';
import { cleanEntryPath } from '#/archive/path.ts';
import type { TarEntry } from '#/archive/tar-entry.ts';
import { TarScanner } from '#/archive/tar-scanner.ts';
import { EngineError, errnoError, errnoOf } from '#/base/errors.ts';
import type { Place } from '#/linux/place.ts';
import type { RootedTree } from '#/linux/rooted-tree.ts';
import { applyEntry, deviceOf } from './copy-attributes.ts';
import { ExtractedFile } from './copy-file.ts';
import type { ExtractOptions } from './copy-job.ts';
import { removePlace } from './copy-remove.ts';

const CHUNK_BYTES = 1 << 18;

/**
 * Makes what a tar says in a directory, as it arrives from a descriptor that blocks until there is more. Links that are there
 * already are followed as the container would; names that climb (`..`) are refused. What fails leaves what was made before it.
 */
export function extractTree(tree: RootedTree, directory: Place, inputFd: number, options: ExtractOptions): void {
  const extraction = new Extraction(tree, directory.path, options);
  try {
    const scanner = new TarScanner(extraction);
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let count = readSync(inputFd, buffer); count > 0; count = readSync(inputFd, buffer)) {
      scanner.write(buffer.subarray(0, count));
    }
    scanner.end();
    extraction.finish();
  } finally {
    extraction.close();
  }
}

class Extraction {
  readonly #tree: RootedTree;
  readonly #base: ByteString;
  readonly #options: ExtractOptions;
  /** Times of directories are set last, since making things in them changes them. */
  readonly #directories: Array<{ readonly path: ByteString; readonly entry: TarEntry }> = [];
  /** The directory of the last entry: most follow in the same one. */
  #parent: { readonly path: ByteString; readonly place: Place } | undefined;
  #file: ExtractedFile | undefined;

  constructor(tree: RootedTree, base: ByteString, options: ExtractOptions) {
    this.#tree = tree;
    this.#base = base;
    this.#options = options;
  }

  readonly onEntry = (entry: TarEntry): void => {
    const parts = cleanEntryPath(entry.name);
    const name = parts.at(-1);
    // The directory itself stays as it is.
    if (name === undefined) return;
    const parent = this.#openParent(parts.slice(0, -1));
    if (parent.readOnly) throw errnoError(`write ${textOf(`${parent.path}/${name}`)}`, 'EROFS');
    if (this.#clear(parent, name, entry)) return;
    this.#make(parent, name, entry);
  };

  readonly onData = (data: Buffer): void => this.#file?.write(data);

  readonly onEntryEnd = (): void => {
    using file = this.#file;
    this.#file = undefined;
    file?.finish(this.#options.owner);
  };

  finish(): void {
    for (const { path, entry } of this.#directories.reverse()) {
      try {
        using place = this.#tree.open(path, { follow: false });
        if (place.stats.isDirectory()) applyEntry(place.fd, entry, this.#options.owner);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
      }
    }
  }

  close(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#forgetParent();
  }

  #openParent(parts: readonly ByteString[]): Place {
    const path = [this.#base, ...parts].join('/');
    if (this.#parent?.path === path) return this.#parent.place;
    this.#forgetParent();
    const place = this.#tree.open(path, { follow: true, make: true });
    this.#parent = { path, place };
    if (!place.stats.isDirectory()) throw errnoError(`open ${textOf(path)}`, 'ENOTDIR');
    return place;
  }

  #forgetParent(): void {
    this.#parent?.place[Symbol.dispose]();
    this.#parent = undefined;
  }

  /** Makes room for an entry. True where what is there takes it up: a directory, or a file on which something is mounted. */
  #clear(parent: Place, name: ByteString, entry: TarEntry): boolean {
    using existing = this.#tree.find(parent, name);
    if (existing === undefined) return false;
    const isDirectory = existing.stats.isDirectory();
    const path = textOf(existing.path);
    if (this.#options.noOverwriteDirNonDir && isDirectory !== (entry.type === 'directory')) {
      const [there, wanted] = isDirectory ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
      throw new EngineError(
        'invalid-argument',
        `cannot overwrite ${there} ${JSON.stringify(path)} with ${wanted} ${JSON.stringify(textOf(this.#base))}`,
      );
    }
    if (isDirectory && entry.type === 'directory') {
      this.#directories.push({ path: existing.path, entry });
      return true;
    }
    try {
      removePlace(this.#tree, parent, name, existing);
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY' || !existing.stats.isFile() || entry.type !== 'file') throw error;
      if (existing.readOnly) throw errnoError(`write ${path}`, 'EROFS');
      // /etc/hosts and the like: the name cannot go, so the content does.
      this.#file = new ExtractedFile(existing.open(constants.O_WRONLY | constants.O_TRUNC), entry);
      return true;
    }
    return false;
  }

  #make(parent: Place, name: ByteString, entry: TarEntry): void {
    switch (entry.type) {
      case 'file': {
        const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
        this.#file = new ExtractedFile(openSync(parent.child(name), flags, 0o600), entry);
        return;
      }
      case 'directory': {
        mkdirSync(parent.child(name), 0o700);
        using place = this.#tree.enter(parent, name);
        this.#directories.push({ path: place.path, entry });
        return;
      }
      case 'link':
        this.#makeLink(parent, name, entry);
        return;
      case 'symlink':
        symlinkSync(bytesOf(entry.linkName), parent.child(name));
        break;
      case 'char':
      case 'block':
      case 'fifo':
        parent.makeNode(name, ...deviceOf(entry));
        break;
      default:
        entry.type satisfies never;
    }
    using place = this.#tree.enter(parent, name);
    applyEntry(place.fd, entry, this.#options.owner);
  }

  #makeLink(parent: Place, name: ByteString, entry: TarEntry): void {
    const parts = cleanEntryPath(entry.linkName);
    const target = parts.at(-1);
    if (target === undefined) throw new EngineError('invalid-argument', 'invalid tar: a hard link to the root');
    using directory = this.#tree.open([this.#base, ...parts.slice(0, -1)].join('/'), { follow: true });
    linkSync(directory.child(target), parent.child(name));
  }
}
