import type { IncomingMessage } from 'node:http';
import { EngineError } from '#/base/errors.ts';

const JSON_BODY_BYTES_MAX = 4 * 1024 * 1024;

/** A JSON body, read whole. Throws invalid-argument for what is not JSON, or longer than 4 MiB. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, JSON_BODY_BYTES_MAX);
  requireJsonType(request.headers['content-type'], bytes.length);
  return parseJsonBody(bytes);
}

/** As readJsonBody, for requests that may have no body: then `undefined`. */
export async function readOptionalJsonBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, JSON_BODY_BYTES_MAX);
  return bytes.length === 0 ? undefined : parseJsonBody(bytes);
}

export async function readBody(request: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBytes) throw new EngineError('invalid-argument', `request body is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function requireJsonType(contentType: string | undefined, length: number): void {
  if (contentType === undefined && length === 0) return;
  if (/^application\/json\s*(;|$)/i.test(contentType ?? '')) return;
  throw new EngineError(
    'invalid-argument',
    `unsupported Content-Type header (${contentType ?? ''}): must be 'application/json'`,
  );
}

export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new EngineError('invalid-argument', 'invalid JSON: got EOF while reading request body');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('invalid-argument', `invalid JSON: ${reason}`, { cause });
  }
}
