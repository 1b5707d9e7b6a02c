import type { OutputPiece, TaskStdio } from '#/engine/index.ts';

/** What a session's client may fall behind before the session's own program has to wait for it. */
const BUFFERED_BYTES_MAX = 1024 * 1024;

/** An exec session's output, with back-pressure: only the session's own program waits for a client that reads slowly. */
export class SessionOutput implements AsyncIterable<OutputPiece> {
  readonly #stdio: TaskStdio;
  readonly #queue: OutputPiece[] = [];
  #queuedBytes = 0;
  #ended = false;
  #wake: () => void = () => {};

  constructor(stdio: TaskStdio, wanted: { readonly stdout: boolean; readonly stderr: boolean }) {
    this.#stdio = stdio;
    stdio.onOutput = (stream, data) => {
      if (!wanted[stream]) return;
      this.#queue.push({ stream, data });
      this.#queuedBytes += data.length;
      if (this.#queuedBytes > BUFFERED_BYTES_MAX) stdio.pauseOutput();
      this.#wake();
    };
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    stdio.ended.then(end, end);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputPiece> {
    for (;;) {
      for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
        this.#queuedBytes -= piece.data.length;
        if (this.#queuedBytes <= BUFFERED_BYTES_MAX / 2) this.#stdio.resumeOutput();
        yield piece;
      }
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
