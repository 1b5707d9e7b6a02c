import type { IncomingMessage } from 'node:http';
import { EngineError, errnoOf } from '#/base/errors.ts';

const JSON_BODY_BYTES_MAX = 4 * 1024 * 1024;

/** A JSON body, read whole. Throws invalid-argument for what is not JSON, or longer than 4 MiB. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, JSON_BODY_BYTES_MAX);
  requireJsonType(request.headers['content-type'], bytes.length);
  return parseJsonBody(bytes);
}

/** How long a client may take to send a body that must be read whole. */
const BODY_TIMEOUT_MS = 60_000;

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLong = (): EngineError =>
    new EngineError('invalid-argument', `request body is longer than ${maxBytes} bytes`);
  if (Number(request.headers['content-length']) > maxBytes) throw tooLong();
  const timer = setTimeout(() => request.destroy(), BODY_TIMEOUT_MS);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    // Left open: its answer goes the same way.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      length += chunk.length;
      if (length > maxBytes) throw tooLong();
      chunks.push(chunk);
    }
  } catch (error) {
    if (errnoOf(error) !== 'ECONNRESET') throw error;
    throw new EngineError('canceled', 'the client left before its request was whole', { cause: error });
  } finally {
    clearTimeout(timer);
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
