import { EngineError, type ErrorKind, toEngineError } from './errors.ts';

/** An EngineError as it crosses threads. */
export interface PlainError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly errno: string | undefined;
}

export function plainErrorOf(error: unknown, attempted: string): PlainError {
  const { kind, message, errno } = toEngineError(error, attempted);
  return { kind, message, errno };
}

export const engineErrorOf = ({ kind, message, errno }: PlainError): EngineError =>
  new EngineError(kind, message, errno === undefined ? {} : { errno });
