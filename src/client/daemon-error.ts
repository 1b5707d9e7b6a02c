import { EngineError, type ErrorKind } from '#/base/errors.ts';

/** What the daemon refused or failed to do: its status and its own words. */
export class DaemonError extends EngineError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(KIND_BY_STATUS[status] ?? (status < 500 ? 'invalid-argument' : 'internal'), message);
    this.name = 'DaemonError';
    this.status = status;
  }
}

const KIND_BY_STATUS: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid-argument',
  401: 'unauthenticated',
  403: 'permission-denied',
  404: 'not-found',
  409: 'conflict',
  429: 'resource-exhausted',
  501: 'not-implemented',
  503: 'unavailable',
};

/** Nobody answers at the address: the daemon is not running, or this is not where it listens. */
export class NoDaemonError extends EngineError {
  constructor(message: string, cause?: unknown) {
    super('unavailable', message, { cause });
    this.name = 'NoDaemonError';
  }
}
