import { type LogMark, readLog } from './log/read-log.ts';

export interface OutputPiece {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

/** What a client may fall behind before its output comes from the log instead of memory. */
const BUFFERED_BYTES_MAX = 1024 * 1024;

interface OutputSource {
  readonly logPath: string;
  /** The log's end when this client attached: its output begins there. */
  readonly start: LogMark;
  readonly ended: AbortSignal;
  readonly replayLog: boolean;
  readonly stream: boolean;
}

interface Wanted {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly signal: AbortSignal;
}

/**
 * One client's view of a container's output: the live stream while the client keeps up, the log from the byte where it fell
 * behind when it does not. The container never waits for it, and within the log's limits the client misses nothing.
 */
export class AttachedOutput implements AsyncIterable<OutputPiece> {
  /** Called once when the live connection is no longer wanted. */
  onOverflow: () => void = () => {};
  readonly #source: OutputSource;
  readonly #wanted: Wanted;
  readonly #queue: OutputPiece[] = [];
  readonly #taken = { stdout: 0, stderr: 0 };
  #queuedBytes = 0;
  #state: 'live' | 'behind' | 'ended' = 'live';
  #wake: () => void = () => {};

  constructor(source: OutputSource, wanted: Wanted) {
    this.#source = source;
    this.#wanted = wanted;
    if (!source.stream) this.#state = 'ended';
  }

  /** A piece from the live connection. */
  push(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    if (this.#state !== 'live') return;
    if (this.#queuedBytes + data.length > BUFFERED_BYTES_MAX) {
      this.#state = 'behind';
      this.onOverflow();
    } else {
      this.#taken[stream] += data.length;
      if (this.#wanted[stream]) {
        this.#queuedBytes += data.length;
        this.#queue.push({ stream, data });
      }
    }
    this.#wake();
  }

  /** The live connection broke off: what it still held is in the log. */
  liveLost(): void {
    if (this.#state === 'live') this.#state = 'behind';
    this.#wake();
  }

  /** The task closed its output. */
  liveEnded(): void {
    if (this.#state === 'live') this.#state = 'ended';
    this.#wake();
  }

  /** Nothing more will come, or nobody reads any more. */
  finish(): void {
    this.#state = 'ended';
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputPiece> {
    if (this.#source.replayLog) yield* this.#replay();
    for (;;) {
      for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
        this.#queuedBytes -= piece.data.length;
        yield piece;
      }
      if (this.#state === 'ended') return;
      if (this.#state === 'behind') return yield* this.#continueFromLog();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async *#replay(): AsyncGenerator<OutputPiece> {
    const { logPath } = this.#source;
    const { signal } = this.#wanted;
    const options = { tailLines: undefined, since: undefined, until: undefined, followUntil: undefined, signal };
    for await (const batch of readLog(logPath, options)) yield* batch.filter((entry) => this.#wanted[entry.stream]);
  }

  /** Reads on in the log from where the client attached, leaving out as many bytes of each stream as it already has. */
  async *#continueFromLog(): AsyncGenerator<OutputPiece> {
    const { logPath, start, ended } = this.#source;
    const { signal } = this.#wanted;
    const skip = { ...this.#taken };
    const options = {
      tailLines: undefined,
      since: undefined,
      until: undefined,
      followUntil: ended,
      signal,
      from: start,
    };
    for await (const batch of readLog(logPath, options)) {
      for (const { stream, data } of batch) {
        const skipped = Math.min(skip[stream], data.length);
        skip[stream] -= skipped;
        if (skipped < data.length && this.#wanted[stream]) yield { stream, data: data.subarray(skipped) };
      }
    }
  }
}
