import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { OutputPiece } from '#/engine/index.ts';
import { DetachKeys, parseDetachKeys } from '#/spec/docker-api/detach-keys.ts';
import { frame } from './stdcopy.ts';

/** The other end of a hijacked connection: a container's stdio or an exec session's. */
export interface PumpedStdio {
  readonly tty: boolean;
  readonly output: AsyncIterable<OutputPiece>;
  write(data: Uint8Array): Promise<void>;
  endInput(): Promise<void>;
  close(): void;
  /** The client typed its detach keys. */
  detach(): void;
}

export interface PumpOptions {
  readonly stdin: boolean;
  /** Undefined: Docker's. Only a terminal can be detached from by keys. */
  readonly detachKeys: string | undefined;
}

/** Moves bytes both ways between a client and a stdio until the output ends, the client goes, or it types the detach keys. */
export async function pump(socket: Duplex, stdio: PumpedStdio, { stdin, detachKeys }: PumpOptions): Promise<void> {
  const keys = stdio.tty ? new DetachKeys(parseDetachKeys(detachKeys)) : undefined;
  const onClose = (): void => stdio.close();
  socket.once('close', onClose);
  // Input runs beside output: neither its end nor its failure (the program reads no more) says anything about the output's.
  const input = stdin ? pumpInput(socket, stdio, keys) : drain(socket);
  input.catch(() => drain(socket)).catch(() => {});
  try {
    for await (const { stream, data } of stdio.output) {
      if (socket.destroyed) return;
      if (!socket.write(stdio.tty ? data : frame(stream, data)))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
  } finally {
    stdio.close();
    socket.off('close', onClose);
    socket.end();
  }
}

async function pumpInput(socket: Duplex, stdio: PumpedStdio, keys: DetachKeys | undefined): Promise<void> {
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    const { pass, detaches } = keys?.feed(chunk) ?? { pass: chunk, detaches: false };
    if (pass.length > 0) await stdio.write(pass);
    if (detaches) {
      stdio.detach();
      return;
    }
  }
  await stdio.endInput();
}

/** Without stdin what the client sends is thrown away, but its leaving must still be noticed. */
async function drain(socket: Duplex): Promise<void> {
  for await (const _ of socket.iterator({ destroyOnReturn: false })) {
    // Not wanted.
  }
}
