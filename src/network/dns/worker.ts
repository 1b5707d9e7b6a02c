import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '#/base/errors.ts';
import { plainErrorOf } from '#/base/plain-error.ts';
import { NameService } from './service.ts';
import type { WorkerInput, WorkerOutput, WorkerSettings, WorkerTask } from './worker-protocol.ts';

// The entry point of the thread that serves names.
const { hostAddress } = workerData as WorkerSettings;
const service = new NameService(hostAddress);
const post = (output: WorkerOutput): void => parentPort?.postMessage(output);

parentPort?.on('message', (input: WorkerInput) => {
  if (input.type === 'network') service.setNetwork(input.networkId, input.network);
  else carryOut(input.id, input.task);
});

if (hostAddress !== '') {
  service.serveHost(hostAddress).catch((error: unknown) => {
    post({ type: 'warning', message: `the host cannot look up containers at ${hostAddress}: ${messageOf(error)}` });
  });
}

function carryOut(id: number, task: WorkerTask): void {
  try {
    if (task.type === 'attach') service.attach(task.attachment);
    else if (task.type === 'detach') service.detach(task.container);
    else service[Symbol.dispose]();
    post({ type: 'done', id, error: undefined });
  } catch (error) {
    post({ type: 'done', id, error: plainErrorOf(error, 'serve names') });
  }
}
