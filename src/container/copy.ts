import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expand } from '#/archive/compression.ts';
import { errnoOf } from '#/base/errors.ts';
import { openPipe, pipeSocket } from '#/linux/pipe.ts';
import type { CopyWork, ExtractOptions, PathStat } from './copy-job.ts';
import type { CopyThread } from './copy-threads.ts';
import { type CopyView, openCopyView } from './copy-view.ts';
import { publishContainerEvent } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { resolveUser } from './users.ts';

/** What lies at a path in a container, in any state. A link is not followed at the end. Throws not-found with Docker's text. */
export async function statInContainer(room: ContainerRoom, reference: string, path: string): Promise<PathStat> {
  await using view = await openCopyView(room, reference);
  return await startJob(room, view, reference, path, { kind: 'stat' }).stat;
}

export interface CopiedOut {
  readonly stat: PathStat;
  /** A tar; to be read to its end or to be returned (`break`). Throws where it could not be made whole. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** A file or directory of a container, in any state, as a tar in which it has its own name. Throws as statInContainer. */
export async function copyFromContainer(room: ContainerRoom, reference: string, path: string): Promise<CopiedOut> {
  const view = await openCopyView(room, reference);
  try {
    using pipe = openPipe();
    const output = pipeSocket(pipe.reader, 'readable');
    const work = { kind: 'pack', outputFd: pipe.writer.release() } as const;
    const thread = startJob(room, view, reference, path, work, () => output.destroy());
    const stat = await thread.stat;
    publishContainerEvent(room, view.record, 'archive-path');
    return { stat, content: readOutput(view, thread, output) };
  } catch (error) {
    await view[Symbol.asyncDispose]();
    throw error;
  }
}

async function* readOutput(view: CopyView, thread: CopyThread, output: Socket): AsyncGenerator<Uint8Array> {
  await using _ = view;
  yield* output as AsyncIterable<Uint8Array>;
  await thread.done;
}

export interface CopyIntoOptions {
  readonly noOverwriteDirNonDir: boolean;
  /** Give everything to the user that the container runs as; where it names none, the tar's owners stay. */
  readonly copyUidGid: boolean;
}

/**
 * Makes what a tar (plain, gzip or zstd) says in a directory of a container, in any state. Throws not-found where there is none,
 * invalid-argument for no directory, permission-denied where it is read-only; with Docker's texts.
 */
export async function copyIntoContainer(
  room: ContainerRoom,
  reference: string,
  path: string,
  source: AsyncIterable<Uint8Array>,
  options: CopyIntoOptions,
): Promise<void> {
  await using view = await openCopyView(room, reference);
  const extract = extractOptions(view, options);
  using pipe = openPipe();
  const input = pipeSocket(pipe.writer, 'writable');
  const work = { kind: 'extract', inputFd: pipe.reader.release(), options: extract } as const;
  const thread = startJob(room, view, reference, path, work, () => input.destroy());
  const sent = await pipeline(Readable.from(expand(source)), input).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  // A pipe that broke says less than why it did; a source that did says why the tar is not whole.
  await thread.done.catch((error: unknown) => {
    throw sent === undefined || errnoOf(sent.error) === 'EPIPE' ? error : sent.error;
  });
  if (sent !== undefined && errnoOf(sent.error) !== 'EPIPE') throw sent.error;
  publishContainerEvent(room, view.record, 'extract-to-dir');
}

function extractOptions({ record, tree }: CopyView, options: CopyIntoOptions): ExtractOptions {
  const { user } = record.config.process;
  const owner = options.copyUidGid && user !== '' ? resolveUser(tree.root, user, []) : undefined;
  return { noOverwriteDirNonDir: options.noOverwriteDirNonDir, owner };
}

function startJob(
  room: ContainerRoom,
  view: CopyView,
  container: string,
  path: string,
  work: CopyWork,
  stop = () => {},
): CopyThread {
  const thread = room.live.copyThreads.start({ ...view.tree, container, path, work });
  view.usedBy(thread, stop);
  return thread;
}
