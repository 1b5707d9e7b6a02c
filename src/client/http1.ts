import { EngineError } from '#/base/errors.ts';
import type { Wire } from './wire.ts';

/** The part of HTTP/1.1 (RFC 9112) that talking to one daemon needs. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; of repeated fields the last. */
  readonly headers: ReadonlyMap<string, string>;
}

const HEAD_LENGTH_MAX = 1024 * 1024;

/** Null when the daemon closed the connection without a word. */
export async function readHead(wire: Wire): Promise<ResponseHead | null> {
  for (;;) {
    const head = await wire.readUntil('\r\n\r\n', HEAD_LENGTH_MAX);
    if (head === null) return null;
    const [first = '', ...lines] = head.toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) {
      throw new EngineError('unavailable', `the daemon does not speak HTTP: ${JSON.stringify(first.slice(0, 80))}`);
    }
    if (status === 100) continue;
    const fields = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { status, headers: new Map(fields) };
  }
}

/** True where the connection can carry another request after this answer's body. */
export function isReusable(head: ResponseHead): boolean {
  if (head.headers.get('connection')?.toLowerCase() === 'close') return false;
  return head.headers.has('content-length') || isChunked(head) || isBodiless(head);
}

const isChunked = (head: ResponseHead): boolean => head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked';
const isBodiless = (head: ResponseHead): boolean => head.status === 204 || head.status === 304;

/** What a HEAD is answered with has the length of a body that does not come. */
export const withoutBody = (head: ResponseHead): ResponseHead => ({
  ...head,
  headers: new Map([['content-length', '0']]),
});

/** The body's bytes as they come. */
export async function* readBody(wire: Wire, head: ResponseHead): AsyncGenerator<Buffer, void> {
  if (isBodiless(head)) return;
  if (isChunked(head)) yield* readChunked(wire);
  else if (head.headers.has('content-length')) yield* readCounted(wire, Number(head.headers.get('content-length')));
  else yield* readToEnd(wire);
}

async function* readCounted(wire: Wire, length: number): AsyncGenerator<Buffer, void> {
  let missing = length;
  while (missing > 0) {
    const chunk = await wire.read();
    if (chunk === null) throw new EngineError('unavailable', 'the daemon closed the connection in mid-answer');
    wire.unread(chunk.subarray(missing));
    const part = chunk.subarray(0, missing);
    missing -= part.length;
    yield part;
  }
}

async function* readToEnd(wire: Wire): AsyncGenerator<Buffer, void> {
  for (let chunk = await wire.read(); chunk !== null; chunk = await wire.read()) yield chunk;
}

async function* readChunked(wire: Wire): AsyncGenerator<Buffer, void> {
  for (;;) {
    const line = await wire.readUntil('\r\n', 1024);
    const length = Number.parseInt(line?.toString('latin1') ?? '', 16);
    if (Number.isNaN(length)) throw new EngineError('unavailable', 'the daemon closed the connection in mid-answer');
    if (length === 0) break;
    yield* readCounted(wire, length);
    await wire.readExactly(2);
  }
  // Trailers, if any, end with an empty line.
  for (;;) {
    const line = await wire.readUntil('\r\n', HEAD_LENGTH_MAX);
    if (line === null || line.length === 0) return;
  }
}

/** A whole body as text. */
export async function collect(chunks: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

/** Sends a body whose length is not known. */
export async function sendChunked(wire: Wire, upload: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of upload) {
    if (bytes.length === 0) continue;
    wire.stream.cork();
    wire.stream.write(`${bytes.length.toString(16)}\r\n`);
    wire.stream.write(bytes);
    const written = wire.write('\r\n');
    wire.stream.uncork();
    await written;
  }
  await wire.write('0\r\n\r\n');
}
