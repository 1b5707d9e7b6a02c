import type { ContainerId } from '#/base/ids.ts';
import type { PlainError } from '#/base/plain-error.ts';
import type { NamedNetwork, NameServerSettings } from './name-server.ts';

/** How the worker thread is started. */
export interface WorkerSettings {
  /** Where the host is served; '' for nowhere. */
  readonly hostAddress: string;
}

export interface Attachment {
  readonly container: ContainerId;
  readonly path: string;
  readonly settings: NameServerSettings;
}

/** What the worker answers, in any order, by the id that it is sent with. */
export type WorkerTask =
  | { readonly type: 'attach'; readonly attachment: Attachment }
  | { readonly type: 'detach'; readonly container: ContainerId }
  | { readonly type: 'close' };

export type WorkerInput =
  | { readonly type: 'task'; readonly id: number; readonly task: WorkerTask }
  | { readonly type: 'network'; readonly networkId: string; readonly network: NamedNetwork | undefined };

export type WorkerOutput =
  | { readonly type: 'done'; readonly id: number; readonly error: PlainError | undefined }
  | { readonly type: 'warning'; readonly message: string };
