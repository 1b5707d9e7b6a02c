import { callApi } from '../tests/support/daemon.ts';
import type { BenchEngine } from './engine.ts';
import { SMALL_IMAGE } from './images.ts';

/** One request to the engine's API; anything but success is an error, so that no row measures a refusal. */
export async function api(engine: BenchEngine, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await callApi(engine.socketPath ?? '', method, path, body);
  if (answer.status >= 400) throw new Error(`${engine.name} ${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.body;
}

/** A sleeping container that has not started; its id. */
export async function create(engine: BenchEngine, extra: object, name?: string): Promise<string> {
  const path = `/containers/create${name === undefined ? '' : `?name=${name}`}`;
  const created = await api(engine, 'POST', path, { Image: SMALL_IMAGE, Cmd: ['sleep', '9999'], ...extra });
  return (created as { Id: string }).Id;
}

export const start = (engine: BenchEngine, id: string): Promise<unknown> =>
  api(engine, 'POST', `/containers/${id}/start`);
