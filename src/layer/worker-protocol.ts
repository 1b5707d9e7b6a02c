import type { PlainError } from '#/base/plain-error.ts';
import type { DerivedLayer, DeriveRequest } from './derive.ts';
import type { IngestRequest, IngestResult } from './ingest-job.ts';

/** What a worker can be asked to do; each job talks over a port of its own. */
export type JobRequest =
  | { readonly job: 'ingest'; readonly request: IngestRequest }
  | { readonly job: 'derive'; readonly request: DeriveRequest };

export type JobResult = IngestResult | DerivedLayer;

/** To the worker. `buffer` is handed over and comes back with 'free'. */
export type JobInput =
  | { readonly type: 'data'; readonly buffer: ArrayBuffer; readonly lengthBytes: number }
  | { readonly type: 'end' }
  | { readonly type: 'abort' };

/** From the worker; 'done' or 'failed' is the last. */
export type JobOutput =
  | { readonly type: 'free'; readonly buffer: ArrayBuffer }
  | { readonly type: 'done'; readonly result: JobResult }
  | { readonly type: 'failed'; readonly error: PlainError };
