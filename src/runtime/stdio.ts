import type { Socket } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import type { TaskStdio } from './runtime.ts';

/** A packet of conmon's socket starts with the stream's number. */
const STDERR = 3;
/** conmon cuts longer packets silently. */
const MAX_PACKET_BYTES = 32 << 10;

export interface MonitorStdioOptions {
  /** Leaving would end the input of everybody else, so stay connected, unheard, until the task ends. */
  readonly lingers?: boolean;
}

/** A client's connection to a monitor: packets of one stream number and up to 8 KiB each. */
export function monitorStdio(socket: Socket, options: MonitorStdioOptions = {}): TaskStdio {
  const input = new InputQueue(socket);
  let hasLeft = false;
  let leave = (): void => {};
  let hasEnded = false;
  const ended = new Promise<void>((resolve, reject) => {
    leave = resolve;
    // A monitor that goes with input unread resets the connection, and what it had sent before may be lost with it.
    const lost = () => new EngineError('unavailable', 'the connection to the monitor was lost');
    socket.once('close', () => (hasEnded || hasLeft ? resolve() : reject(lost())));
  });
  ended.catch(() => {});
  const stdio: TaskStdio = {
    onOutput: () => {},
    ended,
    write: (data) => input.write(data),
    endInput: () => input.end(),
    pauseOutput: () => void socket.pause(),
    resumeOutput: () => void socket.resume(),
    close() {
      hasLeft = true;
      if (options.lingers && !input.wasUsed) leave();
      else socket.destroy();
    },
  };
  socket.on('data', (packet: Buffer) => {
    if (!hasLeft) stdio.onOutput(packet[0] === STDERR ? 'stderr' : 'stdout', packet.subarray(1));
  });
  socket.on('error', () => {}); // 'close' follows.
  socket.once('end', () => {
    hasEnded = true;
    socket.destroy();
  });
  return stdio;
}

/** A client's connection to a program whose pipes are ours. */
export function pipeStdio(stdin: Socket | undefined, stdout: Socket, stderr: Socket): TaskStdio {
  const input = stdin === undefined ? undefined : new InputQueue(stdin);
  const closed = [stdout, stderr].map(
    (stream) => new Promise<void>((resolve) => stream.once('close', () => resolve())),
  );
  const stdio: TaskStdio = {
    onOutput: () => {},
    ended: Promise.all(closed).then(() => {}),
    async write(data) {
      if (input === undefined) throw stdinClosed();
      await input.write(data);
    },
    async endInput() {
      await input?.end();
    },
    pauseOutput() {
      for (const stream of [stdout, stderr]) stream.pause();
    },
    resumeOutput() {
      for (const stream of [stdout, stderr]) stream.resume();
    },
    close() {
      for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    },
  };
  stdout.on('data', (data: Buffer) => stdio.onOutput('stdout', data));
  stderr.on('data', (data: Buffer) => stdio.onOutput('stderr', data));
  for (const stream of [stdin, stdout, stderr]) stream?.on('error', () => {}); // 'close' follows.
  return stdio;
}

const stdinClosed = (): EngineError => new EngineError('unavailable', 'cannot write to stdin: it is closed');

/** One packet at a time, in order: queued writes would be merged into one packet, and long ones cut. */
class InputQueue {
  readonly #socket: Socket;
  #tail: Promise<void> = Promise.resolve();
  #hasEnded = false;
  wasUsed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(data: Uint8Array): Promise<void> {
    this.wasUsed = true;
    return this.#enqueue(async () => {
      for (let offset = 0; offset < data.length; offset += MAX_PACKET_BYTES) {
        await this.#send(data.subarray(offset, offset + MAX_PACKET_BYTES));
      }
    });
  }

  end(): Promise<void> {
    this.wasUsed = true;
    return this.#enqueue(async () => {
      if (this.#hasEnded || this.#socket.destroyed) return;
      this.#hasEnded = true;
      await new Promise<void>((resolve) => {
        this.#socket.once('close', () => resolve());
        this.#socket.end(() => resolve());
      });
    });
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }

  #send(packet: Uint8Array): Promise<void> {
    if (this.#hasEnded || this.#socket.destroyed) throw stdinClosed();
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(stdinClosed());
      this.#socket.once('close', gone);
      this.#socket.write(packet, (error) => {
        this.#socket.off('close', gone);
        if (error) reject(stdinClosed());
        else resolve();
      });
    });
  }
}
