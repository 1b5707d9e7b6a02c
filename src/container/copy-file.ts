import { closeSync, ftruncateSync } from 'node:fs';
import type { TarEntry } from '#/archive/tar-entry.ts';
import { writeSparse } from '#/linux/write-sparse.ts';
import { applyEntry } from './copy-attributes.ts';
import type { ExtractOptions } from './copy-job.ts';

/** A file whose content arrives from a tar, in order. Disposing closes it. */
export class ExtractedFile implements Disposable {
  readonly #fd: number;
  readonly #entry: TarEntry;
  /** Where the next byte stands in the archive. */
  #archiveOffset: number;
  /** Which of the stored parts of a sparse file it belongs to. */
  #segment = 0;

  /** Takes the descriptor over; the file is empty. */
  constructor(fd: number, entry: TarEntry) {
    this.#fd = fd;
    this.#entry = entry;
    this.#archiveOffset = entry.dataOffset;
  }

  write(data: Buffer): void {
    if (this.#entry.sparse === undefined) {
      writeSparse(this.#fd, data, this.#archiveOffset - this.#entry.dataOffset);
      this.#archiveOffset += data.length;
      return;
    }
    for (let rest = data; rest.length > 0; ) rest = rest.subarray(this.#writePart(rest));
  }

  /** Takes what lies in one stored part, or the padding before it; the number of bytes. */
  #writePart(data: Buffer): number {
    const segment = this.#entry.sparse?.[this.#segment];
    const at = this.#archiveOffset;
    if (segment === undefined) return this.#advance(data.length);
    if (at < segment.tarOffset) return this.#advance(Math.min(data.length, segment.tarOffset - at));
    const done = at - segment.tarOffset;
    const part = data.subarray(0, segment.lengthBytes - done);
    writeSparse(this.#fd, part, segment.offset + done);
    if (done + part.length === segment.lengthBytes) this.#segment++;
    return this.#advance(part.length);
  }

  #advance(bytes: number): number {
    this.#archiveOffset += bytes;
    return bytes;
  }

  finish(owner: ExtractOptions['owner']): void {
    ftruncateSync(this.#fd, this.#entry.sizeBytes);
    applyEntry(this.#fd, this.#entry, owner);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
