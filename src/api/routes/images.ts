import type { ServerResponse } from 'node:http';
import { EngineError, messageOf } from '#/base/errors.ts';
import { shortId } from '#/base/ids.ts';
import { type ImageRecord, isAlive, type LayerProgress, printLoaded } from '#/engine/index.ts';
import { sendEmpty, sendJson } from '../answer.ts';
import { describeError } from '../errors.ts';
import { matchesLabels, matchesReference } from '../filter.ts';
import { printImageInspect, printImageSummary } from '../image-print.ts';
import { boolOf, type Filters, filtersOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { writeAll } from './streams.ts';

export const IMAGE_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/images/json', handle: list },
  { kind: 'http', method: 'POST', path: '/images/load', handle: load },
  { kind: 'http', method: 'GET', path: '/images/get', handle: (call) => save(call, call.query.getAll('names')) },
  { kind: 'http', method: 'POST', path: '/images/create', handle: create },
  // Names hold slashes: the rest of the path says what is wanted.
  { kind: 'http', method: 'GET', path: '/images/*', handle: getByName },
  { kind: 'http', method: 'POST', path: '/images/*', handle: postByName },
  { kind: 'http', method: 'DELETE', path: '/images/*', handle: remove },
];

const LIST_FILTERS = ['dangling', 'label', 'before', 'since', 'reference', 'until'] as const;

function list({ engine, query, response }: HttpCall): void {
  const filters = filtersOf(query, LIST_FILTERS);
  const selected = selectImages(engine.images.list(), filters, (reference) => engine.images.get(reference));
  const usage = boolOf(query, 'shared-size') ? engine.images.usage() : undefined;
  const summaries = selected.map((image) =>
    printImageSummary(image, -1, usage === undefined ? -1 : (usage.images.get(image.id)?.sharedBytes ?? 0)),
  );
  sendJson(response, 200, summaries);
}

function selectImages(
  images: readonly ImageRecord[],
  filters: Filters,
  get: (reference: string) => ImageRecord,
): readonly ImageRecord[] {
  const dangling = filters.get('dangling')?.[0];
  const before = filters.get('before')?.map((reference) => get(reference).createdAtMs);
  const since = filters.get('since')?.map((reference) => get(reference).createdAtMs);
  const until = filters.get('until')?.map((text) => untilMs(text));
  const patterns = filters.get('reference');
  return images
    .map((image) =>
      patterns === undefined
        ? image
        : { ...image, tags: image.tags.filter((tag) => patterns.some((pattern) => matchesReference(pattern, tag))) },
    )
    .filter(
      (image) =>
        (patterns === undefined || image.tags.length > 0) &&
        (dangling === undefined || (image.tags.length === 0) === ['true', '1'].includes(dangling)) &&
        matchesLabels(filters.get('label'), image.config.config?.Labels ?? {}) &&
        (before === undefined || before.every((time) => image.createdAtMs < time)) &&
        (since === undefined || since.every((time) => image.createdAtMs > time)) &&
        (until === undefined || until.every((time) => image.createdAtMs < time)),
    );
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** A time, or a duration before now (`24h`, `10m`). */
function untilMs(text: string): number {
  const duration = [...text.matchAll(/(\d+(?:\.\d+)?)([smh])/g)];
  if (duration.length > 0 && duration.map(([whole]) => whole).join('') === text) {
    return (
      Date.now() -
      duration.reduce((sum, [, count, unit]) => sum + Number(count) * (DURATION_UNITS_MS[unit ?? ''] ?? 0), 0)
    );
  }
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw new EngineError('invalid-argument', `invalid filter 'until=${text}'`);
}

async function load({ engine, query, request, response, signal }: HttpCall): Promise<void> {
  const platforms = query.getAll('platform');
  if (platforms.length > 0)
    throw new EngineError(
      'not-implemented',
      'loading one platform of an image is not implemented in this version of Gantry',
    );
  const quiet = boolOf(query, 'quiet');
  const onProgress = quiet
    ? undefined
    : (progress: LayerProgress) => writeProgress(response, printLayerProgress(progress));
  const loaded = await engine.images.load(request, { signal, onProgress }).catch((error: unknown) => {
    if (!response.headersSent) throw error;
    writeProgress(response, printFailure(error));
    return [];
  });
  for (const line of loaded.flatMap(printLoaded)) writeProgress(response, { stream: `${line}\n` });
  response.end();
}

const printLayerProgress = ({ id, currentBytes, totalBytes }: LayerProgress): object => ({
  status: 'Loading layer',
  progressDetail: { current: currentBytes, total: totalBytes },
  id,
});

const printFailure = (error: unknown): object => ({
  errorDetail: { code: describeError(error).status, message: messageOf(error) },
  error: messageOf(error),
});

async function save({ engine, response, query }: HttpCall, names: readonly string[]): Promise<void> {
  if (names.length === 0) throw new EngineError('invalid-argument', 'no image named to be saved');
  if (query.getAll('platform').length > 0) {
    throw new EngineError(
      'not-implemented',
      'saving one platform of an image is not implemented in this version of Gantry',
    );
  }
  const archive = engine.images.save(names);
  response.writeHead(200, { 'Content-Type': 'application/x-tar' });
  for await (const chunk of archive) {
    if (response.destroyed) return;
    await writeAll(response, chunk);
  }
  response.end();
}

/** Pull: what Gantry can make on this machine; registries have an issue of their own. */
async function create({ engine, query, request, response, signal }: HttpCall): Promise<void> {
  request.resume();
  const name = query.get('fromImage');
  if (name === null || name === '')
    throw new EngineError('not-implemented', 'importing images is not implemented in this version of Gantry');
  const tag = query.get('tag') ?? '';
  const reference = tag === '' ? name : `${name}${tag.includes(':') ? '@' : ':'}${tag}`;
  await engine.images
    .provide(reference, {
      signal,
      onProgress: (status) => writeProgress(response, { status }),
    })
    .catch((error: unknown) => {
      if (!response.headersSent) throw error;
      writeProgress(response, printFailure(error));
    });
  if (!response.headersSent) writeProgress(response, { status: `Status: Image is up to date for ${reference}` });
  response.end();
}

function writeProgress(response: ServerResponse, message: object): void {
  if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write(`${JSON.stringify(message)}\r\n`);
}

/** Splits `/images/NAME/ACTION`, where the name may hold slashes. */
function splitName(path: string, actions: readonly string[]): { readonly name: string; readonly action: string } {
  const slash = path.lastIndexOf('/');
  const action = path.slice(slash + 1);
  if (slash > 0 && actions.includes(action)) return { name: path.slice(0, slash), action };
  throw new EngineError('not-found', 'page not found');
}

async function getByName(call: HttpCall): Promise<void> {
  const { engine, params, response } = call;
  const { name, action } = splitName(params['*'] ?? '', ['json', 'history', 'get']);
  if (action === 'get') return await save(call, [name]);
  if (action === 'json') return sendJson(response, 200, printImageInspect(engine, engine.images.get(name)));
  const items = engine.images.history(name).map((item) => ({
    Id: item.id ?? '<missing>',
    Created: Math.floor(item.createdAtMs / 1000),
    CreatedBy: item.createdBy,
    Tags: item.tags.length === 0 ? null : item.tags,
    Size: item.sizeBytes,
    Comment: item.comment,
  }));
  sendJson(response, 200, items);
}

function postByName({ engine, params, query, response }: HttpCall): void {
  const { name, action } = splitName(params['*'] ?? '', ['tag', 'push']);
  if (action === 'push')
    throw new EngineError('not-implemented', 'pushing images is not implemented in this version of Gantry');
  const repository = query.get('repo') ?? '';
  const tag = query.get('tag') ?? '';
  engine.images.tag(name, tag === '' ? repository : `${repository}:${tag}`);
  sendEmpty(response, 201);
}

async function remove({ engine, params, query, response }: HttpCall): Promise<void> {
  const items = await engine.images.remove(params['*'] ?? '', {
    force: boolOf(query, 'force'),
    usedBy: (id) => engine.containers.ofImage(id).map((record) => ({ id: record.id, running: isAlive(record.state) })),
  });
  const printed = items.map((item) =>
    item.kind === 'untagged' ? { Untagged: item.reference } : { Deleted: item.digest },
  );
  sendJson(response, 200, printed);
}

/** The name that `docker ps` shows for a container's image: as asked, or its id where that name now means another. */
export function displayedImage(
  images: { find(reference: string): ImageRecord | undefined },
  reference: string,
  id: string,
): string {
  return images.find(reference)?.id === id ? reference : shortId(id);
}
