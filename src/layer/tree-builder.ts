import { type ByteString, quote, textOf } from '#/archive/byte-string.ts';
import { cleanEntryPath } from '#/archive/path.ts';
import type { TarEntry } from '#/archive/tar-entry.ts';
import { parseWhiteout } from '#/archive/whiteout.ts';
import { EngineError } from '#/base/errors.ts';
import {
  type Attributes,
  DEFAULT_DIRECTORY,
  type DirectoryNode,
  type LayerTraits,
  type LayerTree,
  type LowerTree,
  newDirectory,
  type TreeNode,
} from './tree.ts';

const SYMLINK_HOPS_MAX = 40;

/**
 * Turns a layer's entries into the tree that extracting them in order would make, without touching a file system. Names are
 * resolved inside the layer as in a root of its own: symbolic links in the middle are followed there and cannot lead out.
 * As with tar: the last of several entries of one name wins, a directory on a directory only changes its attributes.
 */
export class TreeBuilder {
  readonly #root = newDirectory(DEFAULT_DIRECTORY, true);
  readonly #lower: LowerTree | undefined;
  #implicit = 0;
  #entries = 0;
  #dangling = 0;
  #firstDangling: { readonly name: string; readonly target: string } | undefined;

  /** With `lower`, what the layer leaves open (implied directories, links to files below) is taken from there. */
  constructor(lower?: LowerTree) {
    this.#lower = lower;
  }

  add(entry: TarEntry): void {
    this.#entries++;
    const path = cleanEntryPath(entry.name);
    const name = path.at(-1);
    if (name === undefined) {
      this.#setRoot(entry);
      return;
    }
    const parents = path.slice(0, -1);
    if (parents.some((part) => part.startsWith('.wh..wh.'))) return;
    const whiteout = parseWhiteout(name);
    if (whiteout.kind === 'ignore') return;
    const { directory } = this.#resolve(parents, entry.name);
    if (whiteout.kind === 'opaque') directory.opaque = true;
    else if (whiteout.kind === 'hide') directory.hidden.add(whiteout.name);
    else if (entry.type === 'directory') this.#setDirectory(directory, name, attributesOf(entry));
    else if (entry.type === 'link') this.#setLink(directory, name, entry);
    else directory.children.set(name, nodeOf(entry));
  }

  finish(): LayerTree {
    const root = this.#root;
    settleWhiteouts(root);
    const { mode, uid, gid } = root.attributes;
    const probe = findProbe(root);
    return {
      root,
      traits: {
        entries: this.#entries,
        implicitDirectories: this.#implicit,
        danglingLinks: this.#dangling,
        ...(this.#firstDangling === undefined ? {} : { danglingLink: this.#firstDangling }),
        ...(root.implicit ? {} : { root: { mode, uid, gid } }),
        ...(root.opaque ? { isRootOpaque: true } : {}),
        ...(probe === undefined ? {} : { probe }),
      },
    };
  }

  #setRoot(entry: TarEntry): void {
    if (entry.type !== 'directory') throw invalid(entry.name, 'the root of a layer is a directory');
    this.#root.attributes = attributesOf(entry);
    this.#root.implicit = false;
  }

  #setDirectory(parent: DirectoryNode, name: ByteString, attributes: Attributes): void {
    const existing = parent.children.get(name);
    if (existing?.type !== 'directory') {
      parent.children.set(name, newDirectory(attributes, false));
      return;
    }
    existing.attributes = attributes;
    if (existing.implicit) this.#implicit--;
    existing.implicit = false;
  }

  #setLink(parent: DirectoryNode, name: ByteString, entry: TarEntry): void {
    const path = cleanEntryPath(entry.linkName);
    const targetName = path.at(-1);
    if (targetName === undefined) throw invalid(entry.name, 'it is a hard link to the root');
    const target = this.#findTarget(path.slice(0, -1), targetName, entry.name);
    if (target === undefined) {
      if (this.#lower !== undefined) throw missingLinkTarget(textOf(entry.name), textOf(entry.linkName));
      this.#dangling++;
      this.#firstDangling ??= { name: textOf(entry.name), target: textOf(entry.linkName) };
      parent.children.delete(name);
      return;
    }
    if (target.type === 'directory')
      throw invalid(entry.name, `it is a hard link to the directory ${quote(entry.linkName)}`);
    parent.children.set(name, target);
  }

  /** The node a hard link means; one from below becomes part of this layer too, as a copy-up would do. */
  #findTarget(parents: readonly ByteString[], name: ByteString, linkName: ByteString): TreeNode | undefined {
    const found = this.#walk(parents, linkName, false);
    if (found === undefined) return undefined;
    const own = found.directory?.children.get(name);
    if (own !== undefined || this.#lower === undefined) return own;
    const below = this.#lower.find([...found.path, name]);
    if (below === undefined || below.type === 'directory' || below.type === 'whiteout') return below;
    this.#resolve(found.path, linkName).directory.children.set(name, below);
    return below;
  }

  #resolve(parents: readonly ByteString[], name: ByteString): { readonly directory: DirectoryNode } {
    const { directory } = this.#walk(parents, name, true) ?? {};
    if (directory === undefined) throw invalid(name, 'its directory could not be made');
    return { directory };
  }

  /**
   * Follows `parents` from the layer's root. With `create`, directories that are missing are made (implied); without it, a
   * missing one is looked for below, and `directory` is undefined where only layers below have it.
   */
  #walk(
    parents: readonly ByteString[],
    name: ByteString,
    create: boolean,
  ): { readonly directory: DirectoryNode | undefined; readonly path: readonly ByteString[] } | undefined {
    const todo = parents.toReversed();
    let stack: Array<readonly [ByteString, DirectoryNode | undefined]> = [];
    let hops = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        stack.pop();
        continue;
      }
      const here = stack.length === 0 ? this.#root : stack.at(-1)?.[1];
      const own = here?.children.get(part);
      const node = own ?? this.#lower?.find([...stack.map(([parent]) => parent), part]);
      if (node?.type === 'symlink') {
        if (++hops > SYMLINK_HOPS_MAX)
          throw invalid(name, `more than ${SYMLINK_HOPS_MAX} symbolic links lie in its path`);
        if (node.target.startsWith('/')) stack = [];
        todo.push(...node.target.split('/').reverse());
        if (todo.length > 65_536) throw invalid(name, 'the symbolic links in its path are too long');
      } else if (own?.type === 'directory') {
        stack.push([part, own]);
      } else if (own !== undefined) {
        if (!create) return undefined;
        throw invalid(name, `${quote(part)} in its path is not a directory`);
      } else if (create && here !== undefined) {
        stack.push([part, this.#imply(here, part, node)]);
      } else {
        stack.push([part, undefined]);
      }
    }
    return { directory: stack.length === 0 ? this.#root : stack.at(-1)?.[1], path: stack.map(([part]) => part) };
  }

  #imply(parent: DirectoryNode, name: ByteString, below: TreeNode | undefined): DirectoryNode {
    const attributes = below?.type === 'directory' ? below.attributes : DEFAULT_DIRECTORY;
    const made = newDirectory(attributes, true);
    parent.children.set(name, made);
    this.#implicit++;
    return made;
  }
}

const missingLinkTarget = (name: string, target: string): EngineError =>
  new EngineError(
    'data-loss',
    `invalid layer: ${JSON.stringify(name)} is a hard link to ${JSON.stringify(target)}, which no layer has`,
  );

const invalid = (name: ByteString, why: string): EngineError =>
  new EngineError('data-loss', `invalid layer: entry ${quote(name)} is refused: ${why}`);

/** Attributes that steer overlayfs itself are never taken from a tar. */
const isOverlayXattr = (name: ByteString): boolean =>
  name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');

function attributesOf(entry: TarEntry): Attributes {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs } = entry;
  const kept = xattrs === undefined ? [] : [...xattrs].filter(([name]) => !isOverlayXattr(name));
  return { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs: kept.length === 0 ? undefined : new Map(kept) };
}

function nodeOf(entry: TarEntry): TreeNode {
  const attributes = attributesOf(entry);
  switch (entry.type) {
    case 'file': {
      const { sizeBytes, dataOffset, sparse } = entry;
      return { type: 'file', attributes, sizeBytes, data: { from: 'tar', offset: dataOffset, sparse } };
    }
    case 'symlink':
      if (entry.linkName === '' || entry.linkName.includes('\0'))
        throw invalid(entry.name, 'its target is empty or holds NUL');
      if (entry.linkName.length > 4095) throw invalid(entry.name, 'its target is longer than 4095 bytes');
      // Links have no permissions of their own; the kernel shows them so.
      return { type: 'symlink', attributes: { ...attributes, mode: 0o777 }, target: entry.linkName };
    case 'char':
    case 'block':
      // Device 0:0 is what overlayfs itself takes for "removed here".
      if (entry.type === 'char' && entry.major === 0 && entry.minor === 0) return { type: 'whiteout' };
      return { type: entry.type, attributes, major: entry.major, minor: entry.minor };
    case 'fifo':
      return { type: 'fifo', attributes };
    default:
      throw invalid(entry.name, `its type ${entry.type} is handled elsewhere`);
  }
}

/**
 * A removed name without a successor becomes a whiteout; a directory that replaces one hides the old one's contents;
 * whatever the order of the two entries, since whiteouts speak of layers below only.
 */
function settleWhiteouts(root: DirectoryNode): void {
  const todo: DirectoryNode[] = [root];
  for (let directory = todo.pop(); directory !== undefined; directory = todo.pop()) {
    for (const name of directory.hidden) {
      const successor = directory.children.get(name);
      if (successor === undefined) directory.children.set(name, { type: 'whiteout' });
      else if (successor.type === 'directory') successor.opaque = true;
    }
    for (const child of directory.children.values()) if (child.type === 'directory') todo.push(child);
  }
}

const PROBE_BYTES_MAX = 64 * 1024;

/** The first plain file that is neither empty nor large. */
function findProbe(root: DirectoryNode): LayerTraits['probe'] {
  const todo: Array<readonly [ByteString, DirectoryNode]> = [['', root]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [prefix, directory] = next;
    for (const [name, node] of directory.children) {
      const path = prefix === '' ? name : `${prefix}/${name}`;
      if (node.type === 'directory') todo.push([path, node]);
      if (node.type !== 'file' || node.data.from !== 'tar' || node.data.sparse !== undefined) continue;
      const { sizeBytes } = node;
      if (sizeBytes > 0 && sizeBytes <= PROBE_BYTES_MAX) return { path, offset: node.data.offset, sizeBytes };
    }
  }
  return undefined;
}
