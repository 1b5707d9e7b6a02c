import { EngineError } from '#/base/errors.ts';
import type { TaskStdio, TerminalSize } from '#/runtime/runtime.ts';
import { AttachedOutput, type OutputPiece } from './attached-output.ts';
import { logEnd } from './log/read-log.ts';
import { endOf } from './logs.ts';
import { containerPaths } from './paths.ts';
import { type ContainerRecord, getById, getContainer, publishContainerEvent } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';
import { whileRunning } from './while-running.ts';

export interface AttachRequest {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Send what the log has first. */
  readonly logs: boolean;
  /** Stay attached to what comes; without it only the log is sent. */
  readonly stream: boolean;
  readonly signal: AbortSignal;
}

/** One client attached to a container. Its owner reads `output` to its end, and calls `close` when the client goes. */
export interface Attachment {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputPiece>;
  /** Input for the container; waits while it does not read. Ignored without stdin. */
  write(data: Uint8Array): Promise<void>;
  endInput(): Promise<void>;
  close(): void;
  /** As `close`, because the client typed its detach keys: that is an event. */
  detach(): void;
}

/**
 * Attaches to a container, also before it starts (then nothing of its output is missed). A client that reads too slowly
 * holds nobody up: beyond a bounded buffer its output comes from the log.
 */
export async function attachContainer(
  room: ContainerRoom,
  reference: string,
  request: AttachRequest,
): Promise<Attachment> {
  const record = getContainer(room, reference);
  if (record.state.status === 'paused') {
    throw new EngineError('conflict', `container ${reference} is paused, unpause the container before attach`);
  }
  if (record.state.status === 'restarting') {
    throw new EngineError('conflict', `container ${reference} is restarting, wait until the container is running`);
  }
  const { log } = containerPaths(room, record.id);
  const end = endOf(room, record, { awaitNextRun: request.stream });
  const output = new AttachedOutput(
    { logPath: log, start: await logEnd(log), ended: end.signal, replayLog: request.logs, stream: request.stream },
    request,
  );
  const connection = new AttachmentConnection(room, record, output, () => end[Symbol.dispose]());
  if (request.stream) await connection.connect();
  publishContainerEvent(room, record, 'attach');
  return connection;
}

/** Joins an output to the task's stdio, now or when the task is there. */
class AttachmentConnection implements Attachment {
  readonly tty: boolean;
  readonly output: AttachedOutput;
  readonly #room: ContainerRoom;
  readonly #record: ContainerRecord;
  readonly #stdio = Promise.withResolvers<TaskStdio>();
  readonly #release: () => void;
  #connected: TaskStdio | undefined;
  #withdraw: () => void = () => {};
  #closed = false;

  constructor(room: ContainerRoom, record: ContainerRecord, output: AttachedOutput, release: () => void) {
    this.#room = room;
    this.#record = record;
    this.#release = release;
    this.output = output;
    this.tty = record.config.process.tty;
    this.#stdio.promise.catch(() => {});
    output.onOverflow = () => this.#connected?.close();
  }

  async connect(): Promise<void> {
    const { id } = this.#record;
    // Under the lock, so that a start cannot slip between looking and waiting.
    await this.#room.locks.run(id, async () => {
      const { state } = getById(this.#room, id);
      if (isAlive(state)) return this.#adopt(await this.#room.runtime.attach(id, {}));
      if (state.status !== 'created' && state.status !== 'exited') return this.output.finish();
      this.#withdraw = this.#room.live.addPendingAttachment(id, {
        connected: (stdio) => this.#adopt(stdio),
        failed: (error) => this.#fail(error),
      });
    });
  }

  #adopt(stdio: TaskStdio): void {
    if (this.#closed) {
      stdio.close();
      return;
    }
    this.#connected = stdio;
    stdio.onOutput = (stream, data) => this.output.push(stream, data);
    stdio.ended.then(
      () => this.output.liveEnded(),
      () => this.output.liveLost(),
    );
    this.#stdio.resolve(stdio);
  }

  #fail(error: unknown): void {
    this.#stdio.reject(error);
    this.output.finish();
  }

  async write(data: Uint8Array): Promise<void> {
    const stdio = await this.#stdio.promise;
    await stdio.write(data);
  }

  async endInput(): Promise<void> {
    const stdio = await this.#stdio.promise;
    await stdio.endInput();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#withdraw();
    this.#connected?.close();
    this.#stdio.reject(new EngineError('canceled', 'the client left'));
    this.output.finish();
    this.#release();
  }

  detach(): void {
    if (!this.#closed) publishContainerEvent(this.#room, this.#record, 'detach');
    this.close();
  }
}

/** Sets the size of a container's terminal. Throws conflict where it is not running. */
export async function resizeContainer(room: ContainerRoom, reference: string, size: TerminalSize): Promise<void> {
  const record = getContainer(room, reference);
  if (!isAlive(record.state)) throw new EngineError('conflict', `container ${record.id} is not running`);
  await whileRunning(room, record.id, () => room.runtime.resize(record.id, size));
  publishContainerEvent(room, record, 'resize', { height: String(size.rows), width: String(size.columns) });
}
