import type { PlainError } from '#/base/plain-error.ts';
import type { RelayLimits, RelayListener, RelayTarget } from './relay.ts';

/** What the thread is started with. */
export interface RelayWorkerData {
  readonly limits: RelayLimits;
}

/** To the thread; each request is answered once. */
export type RelayRequest =
  | { readonly type: 'listen'; readonly id: number; readonly listener: RelayListener; readonly target: RelayTarget }
  | { readonly type: 'close'; readonly id: number };

/** From the thread, by the request's id. */
export type RelayAnswer =
  | { readonly type: 'listening'; readonly id: number; readonly hostPort: number }
  | { readonly type: 'closed'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainError };

/** From the thread, unasked: something that nobody caught, which ended no relay. */
export interface RelayFault {
  readonly type: 'fault';
  readonly message: string;
}
