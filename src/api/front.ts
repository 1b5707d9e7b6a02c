import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { EngineError, toEngineError } from '#/base/errors.ts';

/** Head of a request that was read by hand because its connection will become a raw stream. */
export interface RawHead {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

const HEAD_BYTES_MAX = 64 * 1024;
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const HEAD_TIMEOUT_MS = 60_000;
const HIJACK_LINE = /^POST (\/v\d+\.\d+)?\/(containers\/[^/ ]+\/attach|exec\/[^/ ]+\/start)(\?[^ ]*)? HTTP\/1\.1\r\n/;
const HIJACK_PREFIX = 'POST /';

/**
 * Looks at the first bytes of a connection. Requests that hijack it are read here, since clients send raw input right
 * behind the body, with or without `Upgrade`, and an HTTP parser would take it for the next request. Everything else goes
 * to `toHttp` with its bytes put back.
 */
export function frontConnection(
  socket: Socket,
  toHttp: (socket: Socket) => void,
  onHijack: (head: RawHead, body: Buffer, socket: Socket) => void,
): void {
  let received: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), HEAD_TIMEOUT_MS);
  // A client that goes before it has said what it wants.
  const leave = (): void => void socket.destroy();
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', take);
    socket.off('close', stop);
    socket.off('end', leave);
    socket.off('error', ignore);
    socket.pause();
  };
  const handOver = (): void => {
    stop();
    if (received.length > 0) socket.unshift(received);
    toHttp(socket);
    socket.resume();
  };
  const take = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const start = received.toString('latin1', 0, Math.min(received.length, HIJACK_PREFIX.length));
    if (!HIJACK_PREFIX.startsWith(start)) {
      handOver();
      return;
    }
    const lineEnd = received.indexOf('\r\n');
    if (lineEnd === -1) {
      if (received.length > HEAD_BYTES_MAX) handOver();
      return;
    }
    if (!HIJACK_LINE.test(received.toString('latin1', 0, lineEnd + 2))) {
      handOver();
      return;
    }
    const parsed = tryParse(received);
    if (parsed instanceof EngineError) {
      stop();
      socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    if (parsed === 'incomplete') {
      if (received.length > HEAD_BYTES_MAX + BODY_BYTES_MAX) socket.destroy();
      return;
    }
    stop();
    if (parsed.rest.length > 0) socket.unshift(parsed.rest);
    onHijack(parsed.head, parsed.body, socket);
  };
  socket.on('data', take);
  socket.on('close', stop);
  socket.on('end', leave);
  socket.on('error', ignore);
}

function ignore(): void {}

type Parsed = { readonly head: RawHead; readonly body: Buffer; readonly rest: Buffer };

function tryParse(bytes: Buffer): Parsed | 'incomplete' | EngineError {
  try {
    return parseRequest(bytes);
  } catch (error) {
    return toEngineError(error, 'read the request');
  }
}

function parseRequest(bytes: Buffer): Parsed | 'incomplete' {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return 'incomplete';
  const [requestLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [method = '', url = ''] = requestLine.split(' ');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  const after = bytes.subarray(headEnd + 4);
  const body = /chunked/i.test(headers['transfer-encoding'] ?? '') ? chunkedBody(after) : sizedBody(after, headers);
  return body === 'incomplete' ? 'incomplete' : { head: { method, url, headers }, ...body };
}

type Body = { readonly body: Buffer; readonly rest: Buffer };

function sizedBody(after: Buffer, headers: Readonly<Record<string, string>>): Body | 'incomplete' {
  const length = Number(headers['content-length'] ?? 0);
  if (!Number.isSafeInteger(length) || length < 0 || length > BODY_BYTES_MAX) {
    throw new EngineError('invalid-argument', `invalid Content-Length ${headers['content-length']}`);
  }
  if (after.length < length) return 'incomplete';
  return { body: after.subarray(0, length), rest: after.subarray(length) };
}

function chunkedBody(after: Buffer): Body | 'incomplete' {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = after.indexOf('\r\n', at);
    if (lineEnd === -1) return 'incomplete';
    const size = Number.parseInt(after.toString('latin1', at, lineEnd), 16);
    if (!(size >= 0 && size <= BODY_BYTES_MAX))
      throw new EngineError('invalid-argument', 'invalid chunk in the request body');
    const start = lineEnd + 2;
    if (after.length < start + size + 2) return 'incomplete';
    at = start + size + 2;
    if (size === 0) return { body: Buffer.concat(pieces), rest: after.subarray(at) };
    pieces.push(after.subarray(start, start + size));
  }
}
