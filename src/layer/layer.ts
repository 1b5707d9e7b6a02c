import type { DiffId, Digest } from '#/base/ids.ts';

/**
 * Layers and writable roots.
 *
 * Words. A *layer* is the uncompressed tar of one difference, named by its *diff id*, kept whole in `content/`; it is never
 * extracted. A *root* is what a container sees: its image's layers below, in order, and a writable directory above.
 *
 * Life of a layer: `ingest` streams it in once (decompress, hash, store, index); from then on `has` is true, and it can be
 * mounted by any number of roots; `remove` unlinks it when nothing names it. Nothing half-ingested is ever visible.
 *
 * Life of a root: `prepareRoot` makes its directories; `mountRoot` mounts it (idempotent); `unmountRoot` (idempotent)
 * leaves the writes; `removeRoot` forgets them.
 *
 * Both implementations, `erofs` and `unpacked`, pass `testing/contract.ts`.
 */
export interface LayerStore {
  readonly kind: 'erofs' | 'unpacked';

  /**
   * Stores one layer from its bytes as they came (plain, gzip or zstd; told apart by their magic).
   * Idempotent: a layer that is there already is read, checked and thrown away.
   * Errors: data-loss where a digest or the tar itself is wrong; resource-exhausted past `limits` or on a full disk.
   */
  ingest(source: AsyncIterable<Uint8Array>, options: IngestOptions): Promise<IngestedLayer>;

  has(diffId: DiffId): boolean;
  /** Bytes of the tar and of what was derived from it. Throws not-found. */
  getUsage(diffId: DiffId): LayerUsage;
  /** The layer's uncompressed tar from start to end. Throws not-found. */
  read(diffId: DiffId): AsyncIterable<Uint8Array>;
  /** Unlinks a layer; tolerates absence. Throws conflict while a root that is mounted here uses it. */
  remove(diffId: DiffId): Promise<void>;
  list(): readonly DiffId[];

  prepareRoot(root: RootId): Promise<void>;
  mountRoot(root: RootId, layers: readonly DiffId[], options: MountRootOptions): Promise<MountedRoot>;
  unmountRoot(root: RootId): Promise<void>;
  removeRoot(root: RootId): Promise<void>;
  /**
   * Mounts a stack of layers, bottom first, read-only on an existing directory of the caller's, who unmounts it. The caller
   * sees to it that the layers are not removed meanwhile.
   */
  mountLayers(layers: readonly DiffId[], target: string): Promise<void>;
  /** Bytes in the writable directory of a root. */
  getRootUsage(root: RootId): Promise<number>;
  /** Roots that have directories or mounts here, whoever made them: recovery sweeps those that no row names. */
  listRoots(): Promise<readonly RootId[]>;

  /** Unmounts what no root uses and stops the workers. Mounted roots stay: containers outlive the engine. */
  close(): Promise<void>;
}

/** Names a root: a container's id, or any other name of at most 64 letters, digits, `-` and `_`. */
export type RootId = string;

export interface IngestOptions {
  /** Digest of the bytes as they come in (the compressed blob), checked at the end. */
  readonly expectedDigest?: Digest;
  readonly expectedDiffId?: DiffId;
  /** Size in bytes as they come in; a stream that is longer or shorter is data-loss. */
  readonly expectedSizeBytes?: number;
  readonly signal?: AbortSignal;
}

export interface IngestedLayer {
  readonly diffId: DiffId;
  /** Uncompressed. */
  readonly sizeBytes: number;
  readonly blobDigest: Digest;
  readonly blobSizeBytes: number;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** False where the layer was there already. */
  readonly isNew: boolean;
}

export interface LayerUsage {
  readonly tarBytes: number;
  readonly indexBytes: number;
}

export interface MountRootOptions {
  /** Mount the root itself read-only (no writable directory is used). */
  readonly readOnly?: boolean;
  /**
   * The writes need not outlive the host's running (a container with `--rm`): they are never synced, which makes
   * unmounting cheap; after a crash of the host, mounting the root again is data-loss.
   */
  readonly ephemeral?: boolean;
  readonly signal?: AbortSignal;
}

export interface MountedRoot {
  /** Absolute path of the mounted tree. */
  readonly path: string;
  /** The writable directory (overlay's upper), where there is one. */
  readonly upperPath: string | undefined;
}
