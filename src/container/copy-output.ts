import { readSync, writeSync } from 'node:fs';

/** As large as a pipe can be made without privilege. */
const BUFFER_BYTES = 1 << 20;

/** A descriptor that is written to in large pieces, since a tar of small files is made of many small ones. Blocks. */
export class CopyOutput {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #used = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      const part = data.subarray(done, done + this.#room());
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
      done += part.length;
    }
  }

  /** So many bytes of a file from where it stands; zeros for those that it does not have. */
  writeFile(fd: number, sizeBytes: number): void {
    for (let left = sizeBytes; left > 0; ) {
      const wanted = Math.min(left, this.#room());
      const count = readSync(fd, this.#buffer, this.#used, wanted, null);
      if (count === 0) this.#buffer.fill(0, this.#used, this.#used + wanted);
      this.#used += count === 0 ? wanted : count;
      left -= count === 0 ? wanted : count;
    }
  }

  flush(): void {
    for (let done = 0; done < this.#used; ) done += writeSync(this.#fd, this.#buffer, done, this.#used - done);
    this.#used = 0;
  }

  /** Bytes that can be taken in now; at least one. */
  #room(): number {
    if (this.#used === BUFFER_BYTES) this.flush();
    return BUFFER_BYTES - this.#used;
  }
}
