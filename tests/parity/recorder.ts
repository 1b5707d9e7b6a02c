import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { main } from '#/cli/main.ts';
import type { CommandResult } from '../support/command.ts';
import { makeClient } from '../support/docker.ts';

/** What a client asked the daemon for, without the API's version and the ping before. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  /** Parameters in the order of their names; JSON in `filters` is read. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** The answer to one kind of request: a status and a body (JSON, or bytes as they are), with further headers. */
export interface Reply {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers by `METHOD /path`, where `*` stands for anything; the first that fits. */
export type Replies = Readonly<Record<string, Reply>>;

export interface Recorder extends AsyncDisposable {
  /** Runs the real docker client; what it asked and said. */
  docker(args: readonly string[]): Promise<Told>;
  /** The same with Gantry's, in this process. */
  gantry(args: readonly string[], input?: string): Promise<Told>;
}

export interface Told extends CommandResult {
  readonly requests: readonly Recorded[];
}

/** A daemon that does nothing but write down what clients ask, and answer what it was told to. */
export async function startRecorder(replies: Replies): Promise<Recorder> {
  const path = join(tmpdir(), `recorder-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
  let requests: Recorded[] = [];
  const server = createServer((request, response) => {
    buffer(request).then((bytes) => {
      const recorded = record(request, bytes);
      if (recorded.path !== '/_ping') requests.push(recorded);
      const { status = 200, body, headers = {} } = replyTo(recorded, replies);
      const isRaw = body instanceof Uint8Array;
      const type = isRaw ? 'application/x-tar' : 'application/json';
      response.writeHead(status, { 'api-version': '1.51', 'content-type': type, ...headers });
      response.end(isRaw ? body : body === undefined ? '' : JSON.stringify(body));
    });
  });
  server.listen(path);
  await once(server, 'listening');
  const host = `unix://${path}`;
  const telling = async (run: () => Promise<CommandResult>): Promise<Told> => {
    requests = [];
    return { ...(await run()), requests };
  };
  return {
    docker: (args) => telling(() => makeClient('docker28', host)(args)),
    gantry: (args, input) => telling(() => runInProcess(args, host, input)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function record(request: IncomingMessage, bytes: Buffer): Recorded {
  const url = new URL(request.url ?? '/', 'http://daemon');
  const text = bytes.toString();
  const isJson = request.headers['content-type']?.startsWith('application/json') === true && text !== '';
  return {
    method: request.method ?? '',
    path: url.pathname.replace(/^\/v\d\.\d+/, ''),
    query: Object.fromEntries(
      [...url.searchParams].sort().map(([name, value]) => [name, name === 'filters' ? JSON.parse(value) : value]),
    ),
    body: isJson ? JSON.parse(text) : text === '' ? undefined : bytes,
  };
}

function replyTo({ method, path }: Recorded, replies: Replies): Reply {
  if (path === '/_ping') return { headers: { 'docker-experimental': 'false', ostype: 'linux' } };
  for (const [pattern, reply] of Object.entries(replies)) {
    const expression = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    if (new RegExp(`^${expression}$`).test(`${method} ${path}`)) return reply;
  }
  return { status: 404, body: { message: `nothing recorded for ${method} ${path}` } };
}

async function runInProcess(args: readonly string[], host: string, input = ''): Promise<CommandResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = {
    stdin: PassThrough.from(input === '' ? [] : [input]) as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    env: { ...process.env, GANTRY_HOST: host },
  };
  const texts = Promise.all([buffer(stdout), buffer(stderr)]);
  const code = await main(args, io);
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { code, stdout: out.toString(), stderr: err.toString() };
}

const keepPlace = (one: unknown): unknown => withoutNothings(one) ?? (typeof one === 'object' ? {} : one);

/** Objects whose keys alone say something. */
const KEY_SETS = new Set(['ExposedPorts', 'Volumes', 'EndpointsConfig', 'PortBindings']);

/** A JSON value without what Go's clients write for "nothing" and others leave out: null, '', 0, false, [], {}. */
export function withoutNothings(value: unknown, isKeySet = false): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(keepPlace);
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).flatMap(([key, one]) => {
      const kept = withoutNothings(one, KEY_SETS.has(key)) ?? (isKeySet ? {} : undefined);
      return kept === undefined ? [] : [[key, kept] as const];
    });
    return entries.length === 0 ? undefined : Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return value === null || value === '' || value === 0 || value === false ? undefined : value;
}
