/**
 * Snapshots: what was in a volume at some moment, kept beside it. Each is a whole copy of its own (blocks are shared where the
 * file system can share them), so any may go without the others. Programs that write meanwhile are not stopped: what a snapshot
 * holds of a file that changes is what was read of it.
 */
export interface VolumeSnapshots {
  /** Of one volume, oldest first. Throws not-found. */
  list(volume: string): readonly VolumeSnapshot[];
  /** Copies what is in a volume now; on disk when this returns. Throws conflict for a name that is taken. */
  create(volume: string, name: string | undefined): Promise<VolumeSnapshot>;
  /** `reference` is an id or a name. Throws not-found. */
  remove(volume: string, reference: string): Promise<void>;
  /**
   * Puts a snapshot's content in the place of the volume's, at once and whole; the snapshot stays. Throws conflict while a
   * container holds the volume.
   */
  restore(volume: string, reference: string): Promise<void>;
}

export interface VolumeSnapshot {
  /** 12 hex digits. */
  readonly id: string;
  readonly name: string | undefined;
  readonly createdAtMs: number;
  readonly sizeBytes: number;
}
