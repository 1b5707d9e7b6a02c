import { EngineError } from '#/base/errors.ts';
import type { ContainerRecord, Engine, WaitCondition } from '#/engine/index.ts';
import { CreateContainerBody } from '#/spec/docker-api/create-container.ts';
import { sendEmpty, sendJson } from '../answer.ts';
import { readJsonBody } from '../body.ts';
import { parseContainerSpec } from '../container/parse-spec.ts';
import { printInspect, type SizeOfContainer } from '../container/print-container.ts';
import { boolOf, intOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { checkBody } from '../validate.ts';

export const CONTAINER_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'POST', path: '/containers/create', handle: create },
  { kind: 'http', method: 'GET', path: '/containers/:id/json', handle: inspect },
  { kind: 'http', method: 'POST', path: '/containers/:id/start', handle: start },
  { kind: 'http', method: 'POST', path: '/containers/:id/stop', handle: stop },
  { kind: 'http', method: 'POST', path: '/containers/:id/restart', handle: restart },
  { kind: 'http', method: 'POST', path: '/containers/:id/kill', handle: kill },
  {
    kind: 'http',
    method: 'POST',
    path: '/containers/:id/pause',
    handle: (call) => act(call, (engine, id) => engine.containers.pause(id)),
  },
  {
    kind: 'http',
    method: 'POST',
    path: '/containers/:id/unpause',
    handle: (call) => act(call, (engine, id) => engine.containers.unpause(id)),
  },
  { kind: 'http', method: 'POST', path: '/containers/:id/rename', handle: rename },
  { kind: 'http', method: 'POST', path: '/containers/:id/wait', handle: wait },
  { kind: 'http', method: 'POST', path: '/containers/:id/resize', handle: resize },
  { kind: 'http', method: 'DELETE', path: '/containers/:id', handle: remove },
  { kind: 'http', method: 'GET', path: '/containers/:id/top', handle: top },
];

/** The container that a path names. */
export const idOf = ({ params }: Pick<HttpCall, 'params'>): string => params.id ?? '';

async function create(call: HttpCall): Promise<void> {
  const body = checkBody(CreateContainerBody, await readJsonBody(call.request));
  const spec = parseContainerSpec(body, call.query.get('name'), call.query.get('platform'));
  const { id, warnings } = await call.engine.containers.create(spec);
  sendJson(call.response, 201, { Id: id, Warnings: warnings });
}

async function inspect({ engine, params, query, response, version }: HttpCall): Promise<void> {
  const record = engine.containers.get(params.id ?? '');
  const size = boolOf(query, 'size') ? await sizeOf(engine, record) : undefined;
  sendJson(response, 200, printInspect(engine, record, size, version));
}

export async function sizeOf(engine: Engine, record: ContainerRecord): Promise<SizeOfContainer> {
  const writtenBytes = await engine.containers.writtenBytes(record);
  return { writtenBytes, rootBytes: writtenBytes + engine.images.sizeOf(record.imageId) };
}

async function act(
  { engine, params, response }: HttpCall,
  verb: (engine: Engine, id: string) => Promise<unknown>,
): Promise<void> {
  await verb(engine, params.id ?? '');
  sendEmpty(response, 204);
}

async function start({ engine, params, response, request }: HttpCall): Promise<void> {
  request.resume();
  const result = await engine.containers.start(params.id ?? '');
  sendEmpty(response, result === 'already-running' ? 304 : 204);
}

const stopOptionsOf = (query: URLSearchParams) => ({
  timeoutSec: intOf(query, 't'),
  signal: query.get('signal') || undefined,
});

async function stop({ engine, params, query, response }: HttpCall): Promise<void> {
  const result = await engine.containers.stop(params.id ?? '', stopOptionsOf(query));
  sendEmpty(response, result === 'already-stopped' ? 304 : 204);
}

function restart(call: HttpCall): Promise<void> {
  return act(call, (engine, id) => engine.containers.restart(id, stopOptionsOf(call.query)));
}

function kill(call: HttpCall): Promise<void> {
  return act(call, (engine, id) => engine.containers.kill(id, call.query.get('signal') || 'SIGKILL'));
}

function rename(call: HttpCall): Promise<void> {
  return act(call, (engine, id) => engine.containers.rename(id, call.query.get('name') ?? ''));
}

async function resize({ engine, params, query, response }: HttpCall): Promise<void> {
  await engine.containers.resize(params.id ?? '', sizeOfTerminal(query));
  sendEmpty(response, 200);
}

/** `h` and `w`. Throws invalid-argument outside 0–65535. */
export function sizeOfTerminal(query: URLSearchParams): { readonly rows: number; readonly columns: number } {
  const [rows, columns] = [intOf(query, 'h'), intOf(query, 'w')];
  const isSize = (value: number | undefined): value is number => value !== undefined && value >= 0 && value <= 65_535;
  if (isSize(rows) && isSize(columns)) return { rows, columns };
  throw new EngineError(
    'invalid-argument',
    `invalid resize height or width: h=${query.get('h')} w=${query.get('w')}, 0 to 65535 expected`,
  );
}

const CONDITIONS: readonly string[] = ['not-running', 'next-exit', 'removed'] satisfies readonly WaitCondition[];

async function wait({ engine, params, query, response, signal }: HttpCall): Promise<void> {
  const condition = query.get('condition') || 'not-running';
  if (!CONDITIONS.includes(condition)) throw new EngineError('invalid-argument', `invalid condition: "${condition}"`);
  const result = engine.containers.wait(params.id ?? '', condition as WaitCondition, signal);
  // Clients start the container once they have this head: from here on no exit is missed.
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  const { code, removalError } = await result;
  const failure = removalError === undefined ? {} : { Error: { Message: removalError } };
  response.end(`${JSON.stringify({ StatusCode: code, ...failure })}\n`);
}

function remove(call: HttpCall): Promise<void> {
  if (boolOf(call.query, 'link'))
    throw new EngineError('not-implemented', 'removing links is not implemented in this version of Gantry');
  const options = { force: boolOf(call.query, 'force'), volumes: boolOf(call.query, 'v') };
  return act(call, (engine, id) => engine.containers.remove(id, options));
}

async function top({ engine, params, query, response }: HttpCall): Promise<void> {
  const table = await engine.containers.top(params.id ?? '', query.get('ps_args') || '-ef');
  sendJson(response, 200, { Titles: table.titles, Processes: table.processes });
}
