import { demultiplex } from '#/client/frames.ts';
import type { Wire } from '#/client/wire.ts';
import { DetachKeys, parseDetachKeys } from '#/spec/docker-api/detach-keys.ts';
import type { CommandIo } from '../command.ts';
import { rawTerminal } from './raw-terminal.ts';

export interface AttachOptions {
  readonly io: CommandIo;
  /** Which of our streams to join. */
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** A terminal's bytes are not framed, and keys are passed on one by one. */
  readonly tty: boolean;
  readonly detachKeys?: string | undefined;
}

/** `ended`: the other side has said all; `detached`: the user typed the keys that detach. */
export type AttachEnd = 'ended' | 'detached';

/** Joins our streams with a container's, until its output ends or the user detaches. The terminal is put back after. */
export async function attachStreams(wire: Wire, options: AttachOptions): Promise<AttachEnd> {
  const { io, tty } = options;
  using _raw = tty && options.stdin && io.stdin.isTTY ? await rawTerminal(io) : undefined;
  try {
    const input = options.stdin ? sendInput(wire, options) : undefined;
    const output = receiveOutput(wire, options);
    // The end of our input is not the end: the container may still answer. Only detaching ends the wait for output.
    const detached = input?.then((end) => (end === 'detached' ? end : new Promise<AttachEnd>(() => undefined)));
    return await Promise.race([output.then((): AttachEnd => 'ended'), ...(detached === undefined ? [] : [detached])]);
  } finally {
    if (options.stdin) io.stdin.pause();
    wire.close();
  }
}

async function sendInput(wire: Wire, { io, tty, detachKeys }: AttachOptions): Promise<AttachEnd> {
  const keys = tty ? new DetachKeys(parseDetachKeys(detachKeys)) : undefined;
  try {
    for await (const chunk of io.stdin) {
      const bytes = Buffer.from(chunk);
      const { pass, detaches } = keys?.feed(bytes) ?? { pass: bytes, detaches: false };
      if (pass.length > 0) await wire.write(pass);
      if (detaches) return 'detached';
    }
  } catch {
    // The container has closed its input, or our own terminal is gone: its output still counts.
  }
  wire.stream.end();
  return 'ended';
}

async function receiveOutput(wire: Wire, { io, tty, stdout, stderr }: AttachOptions): Promise<void> {
  if (!stdout && !stderr) {
    for (;;) if ((await wire.read()) === null) return;
  }
  if (!tty) {
    await demultiplex(chunksOf(wire), (source, bytes) => write(source === 'stderr' ? io.stderr : io.stdout, bytes));
    return;
  }
  for await (const chunk of chunksOf(wire)) await write(io.stdout, chunk);
}

async function* chunksOf(wire: Wire): AsyncGenerator<Buffer, void> {
  for (let chunk = await wire.read(); chunk !== null; chunk = await wire.read()) yield chunk;
}

/** Resolves when more may follow. */
export async function write(stream: NodeJS.WriteStream, bytes: Buffer): Promise<void> {
  if (stream.write(bytes)) return;
  await new Promise<void>((resolve) => stream.once('drain', resolve));
}
