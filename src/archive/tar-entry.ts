import { EngineError } from '#/base/errors.ts';
import type { ByteString } from './byte-string.ts';

export type TarEntryType = 'file' | 'link' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

/** One member of a tar with all its extensions (PAX, GNU) applied. */
export interface TarEntry {
  readonly type: TarEntryType;
  /** As it stands in the archive, not yet checked: pass it through `cleanEntryPath`. */
  readonly name: ByteString;
  /** Target of a link or symlink; empty otherwise. */
  readonly linkName: ByteString;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: ByteString;
  readonly groupName: ByteString;
  /** Size of the file when extracted. */
  readonly sizeBytes: number;
  /** Whole seconds since the epoch, rounded down; may be negative. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined;
  /** Absolute offset in the archive of the member's header (that of its first extension header is smaller). */
  readonly headerOffset: number;
  /** Absolute offset in the archive of the stored bytes; a multiple of 512 from the archive's start. */
  readonly dataOffset: number;
  /** How many bytes are stored (without padding); less than `sizeBytes` for sparse files. */
  readonly dataBytes: number;
  /** Which parts of a sparse file are stored, in order; undefined for other files. */
  readonly sparse: readonly SparseSegment[] | undefined;
}

/** A stored part of a sparse file. As GNU tar writes them, each begins on a 512-byte block of its own. */
export interface SparseSegment {
  readonly offset: number;
  readonly lengthBytes: number;
  /** Absolute offset in the archive. */
  readonly tarOffset: number;
}

export interface TarLimits {
  readonly maxEntries: number;
  readonly maxNameBytes: number;
  /** Bytes of extension headers (PAX, long names) that may apply to one entry. */
  readonly maxExtensionBytes: number;
  /** Bytes of extension headers in the whole archive: what a reader that keeps all entries must keep. */
  readonly maxTotalExtensionBytes: number;
  readonly maxSparseSegments: number;
}

export const DEFAULT_TAR_LIMITS: TarLimits = {
  maxEntries: 1_000_000,
  maxNameBytes: 4096,
  maxExtensionBytes: 1024 * 1024,
  maxTotalExtensionBytes: 256 * 1024 * 1024,
  maxSparseSegments: 65_536,
};

export const TAR_BLOCK_BYTES = 512;

/** Rounds up to whole tar blocks. */
export const paddedBytes = (sizeBytes: number): number => Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;

export const corruptTar = (message: string): EngineError => new EngineError('data-loss', `invalid tar: ${message}`);
