import type { ByteString } from '#/archive/byte-string.ts';
import type { SparseSegment } from '#/archive/tar-entry.ts';

/** What every inode of a layer has. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined;
}

/** Where a file's bytes are: in the layer's own tar, or (for a hard link to a lower layer's file) in a file below. */
export type FileData =
  | { readonly from: 'tar'; readonly offset: number; readonly sparse: readonly SparseSegment[] | undefined }
  | { readonly from: 'path'; readonly path: string };

export interface DirectoryNode {
  readonly type: 'directory';
  attributes: Attributes;
  readonly children: Map<ByteString, TreeNode>;
  /** Made only because something lies in it: the layer says nothing of the directory itself. */
  implicit: boolean;
  /** Hides what layers below have in it. */
  opaque: boolean;
  /** Names that the layer removes from layers below. */
  readonly hidden: Set<ByteString>;
}

/** An inode; two names of the same node are hard links. */
export type TreeNode =
  | DirectoryNode
  | { readonly type: 'file'; readonly attributes: Attributes; readonly sizeBytes: number; readonly data: FileData }
  | { readonly type: 'symlink'; readonly attributes: Attributes; readonly target: ByteString }
  | {
      readonly type: 'char' | 'block';
      readonly attributes: Attributes;
      readonly major: number;
      readonly minor: number;
    }
  | { readonly type: 'fifo'; readonly attributes: Attributes }
  | { readonly type: 'whiteout' };

export type FileNode = Extract<TreeNode, { readonly type: 'file' }>;

export const DEFAULT_DIRECTORY: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

export function newDirectory(attributes: Attributes, implicit: boolean): DirectoryNode {
  return { type: 'directory', attributes, children: new Map(), implicit, opaque: false, hidden: new Set() };
}

/** The layers below one, as a tree to ask. Paths are clean. */
export interface LowerTree {
  find(path: readonly ByteString[]): TreeNode | undefined;
}

/** Facts about a layer that decide how it can be mounted; kept in its row. */
export interface LayerTraits {
  /** Directories that only its entries' names imply: their attributes come from the layers below. */
  readonly implicitDirectories: number;
  /** Hard links to files that only layers below can have. */
  readonly danglingLinks: number;
  /** The first of them, for messages. */
  readonly danglingLink?: { readonly name: string; readonly target: string };
  /** Attributes of the root directory, where the layer has an entry for it. */
  readonly root?: { readonly mode: number; readonly uid: number; readonly gid: number };
  readonly entries: number;
  /** The layer hides everything below it. */
  readonly isRootOpaque?: true;
  /** A file of at least a byte with its whole contents at one place of the tar, to check a mount with. */
  readonly probe?: { readonly path: ByteString; readonly offset: number; readonly sizeBytes: number };
}

export interface LayerTree {
  readonly root: DirectoryNode;
  readonly traits: LayerTraits;
}
