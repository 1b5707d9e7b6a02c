import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { Logger } from '#/base/log.ts';
import type { Engine } from '#/engine/index.ts';
import { sendError } from './answer.ts';
import { readBody } from './body.ts';
import { describeError } from './errors.ts';
import { frontConnection, type RawHead } from './front.ts';
import { checkHost } from './host-check.ts';
import { type Found, openRouter, type Router } from './router.ts';
import { ROUTES } from './routes.ts';
import { API_VERSION_MAX } from './version.ts';

/** Where to listen: a unix socket that is made (mode and group are its opener's business), or a TCP address. */
export type Listener =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export interface ServeOptions {
  readonly listeners: readonly Listener[];
  readonly log: Logger;
}

export interface ApiServer extends AsyncDisposable {
  /** The TCP ports that are really listened on, in the order of the TCP listeners. */
  readonly ports: readonly number[];
}

const HIJACK_BODY_BYTES_MAX = 4 * 1024 * 1024;
const CLOSE_GRACE_MS = 2_000;
/** How long a request whose answer was an error may go on sending; clients that are cut off before see no answer. */
const DRAIN_MS = 30_000;
const HTTP_LIMITS = {
  keepAliveTimeout: 60_000,
  headersTimeout: 60_000,
  // Bodies may be whole images.
  requestTimeout: 0,
  connectionsCheckingInterval: 15_000,
};

/** Serves Docker's HTTP API over an engine until disposed. Throws what listening throws, with the address in its text. */
export async function serveApi(engine: Engine, { listeners, log }: ServeOptions): Promise<ApiServer> {
  const door = new Door(engine, log, openRouter(ROUTES));
  const servers: NetServer[] = [];
  try {
    for (const listener of listeners) servers.push(await listen(door, listener));
  } catch (error) {
    await door.close(servers);
    throw error;
  }
  const ports = servers.flatMap((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? [address.port] : [];
  });
  return { ports, [Symbol.asyncDispose]: () => door.close(servers) };
}

async function listen(door: Door, listener: Listener): Promise<NetServer> {
  const server = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    door.accept(socket, listener.kind === 'tcp'),
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  if (listener.kind === 'unix') server.listen(listener.path, resolve);
  else server.listen(listener.port, listener.host, resolve);
  const name = listener.kind === 'unix' ? `unix://${listener.path}` : `tcp://${listener.host}:${listener.port}`;
  await promise.catch((cause: Error) => {
    throw new EngineError('unavailable', `listen on ${name}: ${cause.message}`, { cause });
  });
  return server;
}

/** One HTTP server behind all listeners, and the connections that were hijacked from it. */
class Door {
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #router: Router;
  readonly #http: HttpServer;
  readonly #sockets = new Set<Socket>();
  /** Those that came in over TCP: only they can be a browser's. */
  readonly #tcpSockets = new WeakSet<object>();

  constructor(engine: Engine, log: Logger, router: Router) {
    this.#engine = engine;
    this.#log = log;
    this.#router = router;
    this.#http = createHttpServer(HTTP_LIMITS, (request, response) => this.#onRequest(request, response));
    // It gets its connections from us and never listens itself, but only then does it look after slow and idle ones.
    this.#http.emit('listening');
    this.#http.on(
      'upgrade',
      (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#onUpgrade(request, socket as Socket, head),
    );
    this.#http.on('clientError', (error: Error, socket) => refuseMalformed(socket as Socket, errnoOf(error)));
  }

  accept(socket: Socket, overTcp: boolean): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (overTcp) this.#tcpSockets.add(socket);
    frontConnection(
      socket,
      (connection) => this.#http.emit('connection', connection),
      (head, body, connection) => this.#onHijack(head, body, connection),
    );
  }

  async close(servers: readonly NetServer[]): Promise<void> {
    for (const server of servers) server.close();
    this.#http.closeIdleConnections();
    const deadline = performance.now() + CLOSE_GRACE_MS;
    while (this.#sockets.size > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.#http.closeIdleConnections();
    }
    for (const socket of this.#sockets) socket.destroy();
    this.#http.close();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const started = performance.now();
    response.setHeader('Api-Version', API_VERSION_MAX);
    response.setHeader('Docker-Experimental', 'false');
    response.setHeader('Ostype', 'linux');
    response.setHeader('Server', this.#engine.serverHeader);
    response.once('close', () => {
      const durationMs = Math.round(performance.now() - started);
      this.#log.debug({ method: request.method, url: request.url, status: response.statusCode, durationMs }, 'request');
    });
    this.#answer(request, response).catch((error: unknown) => {
      const { status, message } = describeError(error);
      if (status >= 500) this.#log.error({ err: error, method: request.method, url: request.url }, 'request failed');
      else this.#log.debug({ method: request.method, url: request.url, status, message }, 'request refused');
      sendError(response, error);
      drain(request);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    if (this.#tcpSockets.has(request.socket)) checkHost(request.headers.host, request.headers.origin);
    const found = this.#router.find(method, url);
    const { route } = found;
    using left = whenLeft(response);
    if (route.kind === 'http') {
      await route.handle({ ...this.#call(found, left.signal), request, response });
      return;
    }
    // A client without `Upgrade` on a connection that was used before: it gets the output, and its body is all its input.
    const body = await readBody(request, HIJACK_BODY_BYTES_MAX);
    const { socket } = request;
    await route.handle({
      ...this.#call(found, left.signal),
      headers: request.headers,
      body,
      upgrade: false,
      hijack: (contentType) => {
        response.detachSocket(socket);
        socket.write(hijackHead(contentType, false));
        return socket;
      },
    });
  }

  #call({ params, query, version }: Found, signal: AbortSignal) {
    return { engine: this.#engine, log: this.#log, version, params, query, signal };
  }

  async #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    try {
      if (this.#tcpSockets.has(socket)) checkHost(headers.host, headers.origin);
      const body = await readBody(request, HIJACK_BODY_BYTES_MAX);
      if (head.length > 0) socket.unshift(head);
      this.#onHijack({ method, url, headers }, body, socket);
    } catch (error) {
      refuse(socket, error);
    }
  }

  #onHijack(head: RawHead, body: Buffer, socket: Socket): void {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    socket.on('error', () => socket.destroy());
    this.#hijack(head, body, socket, gone.signal).catch((error: unknown) => {
      const { status, message } = describeError(error);
      this.#log.debug({ url: head.url, status, message }, 'hijack refused');
      refuse(socket, error);
    });
  }

  async #hijack(head: RawHead, body: Buffer, socket: Socket, signal: AbortSignal): Promise<void> {
    if (this.#tcpSockets.has(socket)) checkHost(head.headers.host, head.headers.origin);
    const found = this.#router.find(head.method, head.url);
    if (found.route.kind !== 'hijack') throw new EngineError('invalid-argument', `${head.url} cannot be upgraded`);
    const upgrade = /^upgrade$/i.test(head.headers.connection ?? '') && head.headers.upgrade !== undefined;
    await found.route.handle({
      ...this.#call(found, signal),
      headers: head.headers,
      body,
      upgrade,
      hijack: (contentType) => {
        socket.write(hijackHead(contentType, upgrade));
        return socket;
      },
    });
  }
}

const hijackHead = (contentType: string, upgrade: boolean): string =>
  upgrade
    ? `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nApi-Version: ${API_VERSION_MAX}\r\n\r\n`
    : `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\nApi-Version: ${API_VERSION_MAX}\r\n\r\n`;

function drain(request: IncomingMessage): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.destroy(), DRAIN_MS);
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

/** What is not HTTP, or too large or too slow to become a request, gets a last word where it can still hear it. */
function refuseMalformed(socket: Socket, code: string | undefined): void {
  const status =
    code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

function refuse(socket: Socket, error: unknown): void {
  const { status, message } = describeError(error);
  const body = `${JSON.stringify({ message })}\n`;
  const head = `HTTP/1.1 ${status} Error\r\nContent-Type: application/json\r\nApi-Version: ${API_VERSION_MAX}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  socket.end(head + body);
  socket.resume();
}

function whenLeft(response: ServerResponse): Disposable & { readonly signal: AbortSignal } {
  const left = new AbortController();
  const onClose = (): void => {
    if (!response.writableFinished) left.abort();
  };
  response.once('close', onClose);
  return { signal: left.signal, [Symbol.dispose]: () => {} };
}
