import { closeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { byteStringOfText } from '#/archive/byte-string.ts';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { Place } from '#/linux/place.ts';
import { RootedTree } from '#/linux/rooted-tree.ts';
import { extractTree } from './copy-extract.ts';
import { type CopyJob, type CopyMessage, failedMessage } from './copy-job.ts';
import { packTree } from './copy-pack.ts';
import { baseName, statPlace } from './copy-stat.ts';
import { canonicalTarget, graftMounts, isRuntimeMount, refuseReadOnly } from './copy-tree.ts';

// The entry point of a thread that does one CopyJob after another. It alone blocks: on disks, and on pipes whose other end is busy.

function run(job: CopyJob): void {
  const tree = new RootedTree(job.root);
  graftMounts(tree, job.mounts);
  // Of one that runs the kernel knows.
  if (job.readOnlyRoot && !job.runs) tree.protectRoot();
  const { work } = job;
  if (work.kind === 'extract') {
    using directory = openAsked(tree, job, true);
    refuseReadOnly(directory, job, (target) => canonicalTarget(tree, target));
    extractTree(tree, directory, work.inputFd, work.options);
    return;
  }
  using place = openAsked(tree, job, false);
  answer({ type: 'stat', stat: statPlace(tree, place, job.path) });
  if (work.kind === 'pack') packTree(tree, place, byteStringOfText(baseName(job.path)), work.outputFd);
}

/** Files of /proc and /sys are not the container's, nor have they the sizes that they tell. */
function openAsked(tree: RootedTree, job: CopyJob, follow: boolean): Place {
  const place = openPath(tree, job, follow);
  if (!place.isOfKernel() || isRuntimeMount(tree, place)) return place;
  place[Symbol.dispose]();
  throw notFound(job);
}

const notFound = ({ path, container }: CopyJob): EngineError =>
  new EngineError('not-found', `Could not find the file ${path} in container ${container}`);

function openPath(tree: RootedTree, job: CopyJob, follow: boolean): Place {
  const { path } = job;
  try {
    return tree.open(byteStringOfText(path), { follow });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') throw notFound(job);
    if (errno === 'ENOTDIR') throw new EngineError('invalid-argument', `${path}: not a directory`);
    throw error;
  }
}

const answer = (message: CopyMessage): void => parentPort?.postMessage(message);

function finish(job: CopyJob): CopyMessage {
  const { work } = job;
  try {
    run(job);
    return { type: 'done' };
  } catch (error) {
    return failedMessage(error, job.path);
  } finally {
    if (work.kind === 'pack') closeSync(work.outputFd);
    if (work.kind === 'extract') closeSync(work.inputFd);
  }
}

// Answered last, when nothing of the job is open any more.
parentPort?.on('message', (job: CopyJob) => answer(finish(job)));
