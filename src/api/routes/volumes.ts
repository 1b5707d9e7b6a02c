import { EngineError } from '#/base/errors.ts';
import type { Volume } from '#/engine/index.ts';
import { CreateVolumeBody } from '#/spec/docker-api/volume.ts';
import { sendEmpty, sendJson } from '../answer.ts';
import { readJsonBody } from '../body.ts';
import { matchesLabels, matchesName, matchesPruneLabels } from '../filter.ts';
import { printVolume } from '../print-volume.ts';
import { boolOf, filtersOf, flagOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { checkBody } from '../validate.ts';

export const VOLUME_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/volumes', handle: list },
  { kind: 'http', method: 'POST', path: '/volumes/create', handle: create },
  { kind: 'http', method: 'POST', path: '/volumes/prune', handle: prune },
  { kind: 'http', method: 'GET', path: '/volumes/:name', handle: inspect },
  { kind: 'http', method: 'PUT', path: '/volumes/:name', handle: update },
  { kind: 'http', method: 'DELETE', path: '/volumes/:name', handle: remove },
];

const LIST_FILTERS = ['dangling', 'driver', 'label', 'name'] as const;

function list({ engine, query, response }: HttpCall): void {
  const filters = filtersOf(query, LIST_FILTERS);
  const dangling = flagOf(filters, 'dangling');
  const references = dangling === undefined ? undefined : engine.volumes.references();
  const volumes = engine.volumes
    .list()
    .filter(
      (volume) =>
        matchesName(filters.get('name'), [volume.name]) &&
        (filters.get('driver')?.includes(volume.driver) ?? true) &&
        matchesLabels(filters.get('label'), volume.labels) &&
        (references === undefined || references.has(volume.name) !== dangling),
    );
  sendJson(response, 200, { Volumes: volumes.map(printVolume), Warnings: null });
}

async function create({ engine, request, response }: HttpCall): Promise<void> {
  const body = checkBody(CreateVolumeBody, (await readJsonBody(request)) ?? {});
  if (body.ClusterVolumeSpec !== undefined) throw clusterVolumesOnly();
  const volume = await engine.volumes.create({
    name: body.Name ?? '',
    driver: body.Driver ?? '',
    labels: body.Labels ?? {},
    options: body.DriverOpts ?? {},
  });
  sendJson(response, 201, printVolume(volume));
}

const nameOf = ({ params }: Pick<HttpCall, 'params'>): string => params.name ?? '';

function inspect(call: HttpCall): void {
  sendJson(call.response, 200, printVolume(call.engine.volumes.get(nameOf(call))));
}

/** Only volumes of a swarm can be changed. */
function update({ request }: HttpCall): never {
  request.resume();
  throw clusterVolumesOnly();
}

const clusterVolumesOnly = (): EngineError =>
  new EngineError('unavailable', 'volume update only valid for cluster volumes, but swarm is unavailable');

async function remove(call: HttpCall): Promise<void> {
  await call.engine.volumes.remove(nameOf(call), { force: boolOf(call.query, 'force') });
  sendEmpty(call.response, 204);
}

const PRUNE_FILTERS = ['all', 'label', 'label!'] as const;
/** From this version on, volumes with a name of their own are pruned only on demand. */
const ANONYMOUS_ONLY_SINCE_MINOR = 42;

async function prune({ engine, query, request, response, version }: HttpCall): Promise<void> {
  request.resume();
  const filters = filtersOf(query, PRUNE_FILTERS);
  const all = flagOf(filters, 'all') ?? version.minor < ANONYMOUS_ONLY_SINCE_MINOR;
  const select = ({ anonymous, labels }: Volume): boolean => (all || anonymous) && matchesPruneLabels(filters, labels);
  const { names, reclaimedBytes } = await engine.volumes.prune(select);
  sendJson(response, 200, { VolumesDeleted: names.length === 0 ? null : names, SpaceReclaimed: reclaimedBytes });
}
