import type { Duplex } from 'node:stream';
import { EngineError, errnoOf } from '#/base/errors.ts';
import { connect } from './connect.ts';
import { daemonError, unreachable } from './failures.ts';
import type { DaemonHost } from './host.ts';
import { collect, isReusable, type ResponseHead, readBody, readHead, sendChunked, withoutBody } from './http1.ts';
import { printQuery, type Query } from './query.ts';
import { Wire } from './wire.ts';

/** The newest API version that this client speaks; an older daemon is spoken to in its own. */
export const API_VERSION = '1.51';

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, chunked. */
  readonly upload?: AsyncIterable<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** To be read to its end, or the connection is lost for further requests. */
  readonly body: AsyncIterable<Buffer>;
}

export interface ClientOptions {
  readonly host: DaemonHost;
  /** Called when nobody answers; resolves true if a daemon has been started meanwhile. */
  readonly startDaemon?: () => Promise<boolean>;
  /** Skips asking the daemon for its version. */
  readonly apiVersion?: string;
}

/**
 * A client of the Docker Engine API. Requests run one after another over one kept connection; what streams for long
 * (`stream`, `upgrade`) takes a connection of its own. Errors: DaemonError for answers of 400 and above, NoDaemonError
 * when nobody answers.
 */
export class DockerClient implements Disposable {
  readonly host: DaemonHost;
  readonly #options: ClientOptions;
  readonly #open = new Set<Wire>();
  #idle: Wire | undefined;
  #version: Promise<string> | undefined;

  constructor(options: ClientOptions) {
    this.host = options.host;
    this.#options = options;
  }

  /** The version spoken: ours, or the daemon's where that is older. */
  async apiVersion(): Promise<string> {
    this.#version ??= this.#negotiate();
    return this.#version;
  }

  /** The JSON of the answer; undefined where it has none. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const text = await this.text(method, path, options);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The whole answer as it came. */
  async text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    const answer = await this.request(method, path, options);
    return collect(answer.body);
  }

  /** The headers of the answer to a HEAD. */
  async head(path: string, options: RequestOptions = {}): Promise<Answer['headers']> {
    const answer = await this.request('HEAD', path, options);
    await collect(answer.body);
    return answer.headers;
  }

  /** Any answer below 400; its body streams. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const version = await this.apiVersion();
    return this.#roundTrip(method, `/v${version}${path}`, options);
  }

  /** Turns the connection into a plain byte stream both ways (attach, exec). */
  async upgrade(path: string, options: RequestOptions = {}): Promise<Wire> {
    const version = await this.apiVersion();
    const wire = await this.#takeWire();
    const body = options.body === undefined ? '' : JSON.stringify(options.body);
    const headers = { Connection: 'Upgrade', Upgrade: 'tcp', 'Content-Type': 'application/json' };
    await this.#send(wire, 'POST', `/v${version}${path}`, { ...options, headers }, body);
    const head = await this.#expectHead(wire);
    if (head.status >= 400) throw await daemonError(wire, head);
    return wire;
  }

  [Symbol.dispose](): void {
    for (const wire of this.#open) wire.close();
  }

  async #negotiate(): Promise<string> {
    if (this.#options.apiVersion !== undefined) return this.#options.apiVersion;
    const { headers, body } = await this.#roundTrip('GET', '/_ping', {}, () => true);
    await collect(body);
    const theirs = headers.get('api-version') ?? '1.24';
    return compareVersions(theirs, API_VERSION) < 0 ? theirs : API_VERSION;
  }

  async #roundTrip(
    method: string,
    target: string,
    options: RequestOptions,
    accepts = (status: number): boolean => status < 400,
  ): Promise<Answer> {
    const kept = this.#idle !== undefined;
    const wire = await this.#takeWire();
    const body = options.body === undefined ? '' : JSON.stringify(options.body);
    const { upload } = options;
    await this.#send(wire, method, target, options, body);
    // A daemon that refuses an upload answers before having read it: do not wait for the upload's end.
    const uploading = upload === undefined ? undefined : sendChunked(wire, upload);
    uploading?.catch((error: Error) => wire.stream.destroy(error));
    let head: ResponseHead;
    try {
      head = await this.#expectHead(wire);
    } catch (error) {
      // The daemon may close a kept connection at any time; what reads only can be asked again.
      if (!kept || method !== 'GET') throw error;
      wire.close();
      return this.#roundTrip(method, target, options, accepts);
    }
    if (!accepts(head.status)) throw await daemonError(wire, method === 'HEAD' ? withoutBody(head) : head);
    return { status: head.status, headers: head.headers, body: this.#bodyOf(wire, head, method) };
  }

  async *#bodyOf(wire: Wire, head: ResponseHead, method: string): AsyncGenerator<Buffer, void> {
    let complete = false;
    try {
      if (method !== 'HEAD') yield* readBody(wire, head);
      complete = true;
    } finally {
      if (complete && isReusable(head) && this.#idle === undefined) this.#idle = wire;
      else this.#drop(wire);
    }
  }

  async #send(wire: Wire, method: string, target: string, options: RequestOptions, body: string): Promise<void> {
    const bytes = Buffer.from(body);
    const fields: Record<string, string | number> = {
      Host: this.host.kind === 'tcp' ? `${this.host.hostname}:${this.host.port}` : 'gantry',
      'User-Agent': 'Gantry-Client/0.1.0 (linux)',
      ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(options.upload === undefined ? {} : { 'Transfer-Encoding': 'chunked' }),
      ...(options.upload !== undefined || method === 'GET' ? {} : { 'Content-Length': bytes.length }),
      ...options.headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `${method} ${target}${printQuery(options.query)} HTTP/1.1\r\n${lines.join('')}\r\n`;
    await wire.write(bytes.length === 0 ? head : Buffer.concat([Buffer.from(head), bytes]));
  }

  async #expectHead(wire: Wire): Promise<ResponseHead> {
    const head = await readHead(wire);
    if (head !== null) return head;
    this.#drop(wire);
    throw new EngineError('unavailable', `error during connect: ${this.host.text} closed the connection: EOF`);
  }

  async #takeWire(): Promise<Wire> {
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle !== undefined) return idle;
    const wire = new Wire(await this.#connect());
    this.#open.add(wire);
    return wire;
  }

  async #connect(): Promise<Duplex> {
    try {
      return await connect(this.host);
    } catch (error) {
      const isAbsent = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ECONNREFUSED';
      if (isAbsent && (await this.#options.startDaemon?.()) === true) return connect(this.host);
      throw unreachable(this.host, error);
    }
  }

  #drop(wire: Wire): void {
    wire.close();
    this.#open.delete(wire);
  }
}

/** Older, equal, newer: below, at, above zero. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number);
  const [majorB = 0, minorB = 0] = b.split('.').map(Number);
  return majorA - majorB || minorA - minorB;
}
