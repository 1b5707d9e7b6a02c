import { type MessagePort, parentPort } from 'node:worker_threads';
import { EngineError } from '#/base/errors.ts';
import { plainErrorOf } from '#/base/plain-error.ts';
import { type DeriveRequest, deriveLayer } from './derive.ts';
import { IngestJob, type IngestRequest } from './ingest-job.ts';
import type { JobInput, JobOutput, JobRequest } from './worker-protocol.ts';

// The entry point of a worker thread: takes jobs from the pool, each with a port of its own.
parentPort?.on('message', ({ request, port }: { request: JobRequest; port: MessagePort }) => {
  if (request.job === 'ingest') runIngest(request.request, port);
  else void runDerive(request.request, port);
});

function answer(port: MessagePort, output: JobOutput): void {
  port.postMessage(output, output.type === 'free' ? [output.buffer] : []);
  if (output.type !== 'free') port.close();
}

async function runDerive(request: DeriveRequest, port: MessagePort): Promise<void> {
  try {
    answer(port, { type: 'done', result: await deriveLayer(request) });
  } catch (error) {
    answer(port, { type: 'failed', error: plainErrorOf(error, 'store layer') });
  }
}

function runIngest(request: IngestRequest, port: MessagePort): void {
  const job = new IngestJob(request);
  let ended = false;
  const handle = async (input: JobInput): Promise<void> => {
    if (ended) return;
    try {
      if (input.type === 'data') {
        await job.push(Buffer.from(input.buffer, 0, input.lengthBytes));
        answer(port, { type: 'free', buffer: input.buffer });
        return;
      }
      if (input.type === 'abort') throw new EngineError('canceled', 'store layer: canceled');
      const result = await job.end();
      ended = true;
      answer(port, { type: 'done', result });
    } catch (error) {
      ended = true;
      await job.abort().catch(() => {});
      answer(port, { type: 'failed', error: plainErrorOf(error, 'store layer') });
    }
  };
  // One input at a time, in order.
  let queue = Promise.resolve();
  port.on('message', (input: JobInput) => {
    queue = queue.then(() => handle(input));
  });
}
