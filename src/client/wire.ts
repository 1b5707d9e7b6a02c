import type { Duplex } from 'node:stream';
import { EngineError } from '#/base/errors.ts';

/**
 * One byte stream read by asking: nothing is taken from the kernel while nobody asks, so a slow reader slows the sender.
 * Node's HTTP client would do this too, but loading it costs a third of the command line's whole start.
 */
export class Wire {
  readonly stream: Duplex;
  #left: Buffer | undefined;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.stream = stream;
    const wake = (): void => this.#wake?.();
    stream.on('readable', wake);
    stream.on('end', () => {
      this.#ended = true;
      wake();
    });
    stream.on('error', (error: Error) => {
      this.#failure ??= error;
      wake();
    });
    stream.on('close', () => {
      this.#ended = true;
      wake();
    });
  }

  /** The next bytes, as many as there are; null at the end. Throws the stream's error. */
  async read(): Promise<Buffer | null> {
    for (;;) {
      if (this.#left !== undefined) {
        const chunk = this.#left;
        this.#left = undefined;
        return chunk;
      }
      const chunk: unknown = this.stream.read();
      if (chunk instanceof Buffer) return chunk;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives back what was read too far; the next read starts with it. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#left = this.#left === undefined ? bytes : Buffer.concat([bytes, this.#left]);
  }

  /** Exactly `count` bytes. Throws unavailable if the stream ends before. */
  async readExactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const chunk = await this.read();
      if (chunk === null) throw new EngineError('unavailable', 'the daemon closed the connection in mid-answer');
      parts.push(chunk.subarray(0, missing));
      this.unread(chunk.subarray(missing));
      missing -= Math.min(chunk.length, missing);
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Bytes up to and without `end`; at most `lengthMax`. Null if the stream ended before the first byte. */
  async readUntil(end: string, lengthMax: number): Promise<Buffer | null> {
    let seen: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = await this.read();
      if (chunk === null) {
        if (seen.length === 0) return null;
        throw new EngineError('unavailable', 'the daemon closed the connection in mid-answer');
      }
      const from = Math.max(0, seen.length - end.length + 1);
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const at = seen.indexOf(end, from);
      if (at >= 0) {
        this.unread(seen.subarray(at + end.length));
        return seen.subarray(0, at);
      }
      if (seen.length > lengthMax) {
        throw new EngineError('unavailable', `the daemon's answer has a header of more than ${lengthMax} bytes`);
      }
    }
  }

  /** Resolves when the bytes may be followed by more: at once, or when the stream has drained. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.stream.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.stream.off('drain', done);
        this.stream.off('close', done);
        resolve();
      };
      this.stream.on('drain', done);
      this.stream.on('close', done);
    });
  }

  close(): void {
    this.stream.destroy();
  }
}
