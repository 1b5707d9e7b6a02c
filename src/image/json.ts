import type { z } from 'zod';
import { EngineError, messageOf } from '#/base/errors.ts';

/** Bytes as text, refusing what is not UTF-8: text and bytes then stand for each other exactly. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new EngineError('invalid-argument', `${what} is not valid UTF-8`, { cause: error });
  }
}

/** Text as the JSON value that the schema describes; throws invalid-argument naming the first field that is wrong. */
export function parseJson<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EngineError('invalid-argument', `${what} is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new EngineError('invalid-argument', `${what} is malformed${where}: ${issue?.message ?? 'unknown problem'}`);
}

/** An object without its fields that are null: Go's encoders write absent lists and maps so. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}
