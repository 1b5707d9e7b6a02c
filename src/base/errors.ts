/** The closed set of ways in which an operation of the engine can fail. Front doors map each to their own code. */
export type ErrorKind =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'permission-denied'
  | 'unauthenticated'
  | 'resource-exhausted'
  | 'unavailable'
  | 'not-implemented'
  | 'canceled'
  | 'deadline-exceeded'
  | 'data-loss'
  | 'internal';

export interface EngineErrorOptions {
  /** What led to this error; kept for the log, never shown to a user. */
  readonly cause?: unknown;
  /** The kernel's name of the failure (`ENOSPC`), where the kernel was the cause. */
  readonly errno?: string;
}

/** The one error type that crosses room boundaries. The message is for people: what was attempted, the value, the limit. */
export class EngineError extends Error {
  readonly kind: ErrorKind;
  readonly errno: string | undefined;

  constructor(kind: ErrorKind, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.kind = kind;
    this.errno = options.errno;
  }
}

/** True for an EngineError of the given kind; without a kind, for any EngineError. */
export function isEngineError(error: unknown, kind?: ErrorKind): error is EngineError {
  return error instanceof EngineError && (kind === undefined || error.kind === kind);
}

/** The text of whatever was thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`), or the errno of an EngineError; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof EngineError) return error.errno;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

const KIND_BY_ERRNO: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'not-found',
  EEXIST: 'already-exists',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  ENOSPC: 'resource-exhausted',
  EDQUOT: 'resource-exhausted',
  EMFILE: 'resource-exhausted',
  ENFILE: 'resource-exhausted',
  ENOMEM: 'resource-exhausted',
  EBUSY: 'conflict',
  EINVAL: 'invalid-argument',
  ENAMETOOLONG: 'invalid-argument',
};

/** An EngineError for a failure with a kernel errno: `attempted` says what was being done ("mount /x on /y"). */
export function errnoError(attempted: string, errno: string, cause?: unknown): EngineError {
  const kind = KIND_BY_ERRNO[errno] ?? 'internal';
  return new EngineError(kind, `${attempted}: ${errno}`, { errno, ...(cause === undefined ? {} : { cause }) });
}

/** Any thrown value as an EngineError; those that are one already pass through unchanged. */
export function toEngineError(error: unknown, attempted: string): EngineError {
  if (error instanceof EngineError) return error;
  const errno = errnoOf(error);
  const kind = (errno === undefined ? undefined : KIND_BY_ERRNO[errno]) ?? 'internal';
  const options = errno === undefined ? { cause: error } : { cause: error, errno };
  return new EngineError(kind, `${attempted}: ${messageOf(error)}`, options);
}
