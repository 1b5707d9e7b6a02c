import { EngineError, type ErrorKind } from '#/engine/index.ts';

/** Docker's status code for each way in which an operation can fail. */
export const STATUS_BY_KIND = {
  'invalid-argument': 400,
  'not-found': 404,
  'already-exists': 409,
  conflict: 409,
  'permission-denied': 403,
  unauthenticated: 401,
  'resource-exhausted': 507,
  unavailable: 503,
  'not-implemented': 501,
  canceled: 499,
  'deadline-exceeded': 504,
  'data-loss': 500,
  internal: 500,
} as const satisfies Record<ErrorKind, number>;

/** Status and text for whatever a handler threw; a stack or an unknown error's inside is never shown. */
export function describeError(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof EngineError) return { status: STATUS_BY_KIND[error.kind], message: error.message };
  return { status: 500, message: `internal error: ${error instanceof Error ? error.message : String(error)}` };
}
