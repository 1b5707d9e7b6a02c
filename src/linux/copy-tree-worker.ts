import { parentPort, workerData } from 'node:worker_threads';
import { errnoOf, messageOf } from '#/base/errors.ts';
import type { CopyAnswer, CopyRequest } from './copy-tree.ts';
import { syncFileSystem } from './sync-file-system.ts';
import { copyTreeNow } from './tree-copier.ts';

// The entry point of a thread that copies one tree and ends.
const { source, destination, sync = false } = workerData as CopyRequest;
const answer = (): CopyAnswer => {
  try {
    copyTreeNow(source, destination);
    if (sync) syncFileSystem(destination);
    return { done: true };
  } catch (error) {
    return { done: false, message: messageOf(error), errno: errnoOf(error) };
  }
};
parentPort?.postMessage(answer());
