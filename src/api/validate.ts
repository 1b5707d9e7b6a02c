import type { z } from 'zod';
import { EngineError } from '#/base/errors.ts';

/** A body as its schema says. Throws invalid-argument that names the field. */
export function checkBody<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.');
  throw new EngineError('invalid-argument', `invalid request: ${field}: ${issue?.message ?? 'not as expected'}`);
}
