import { rfc3339Nano } from '#/base/clock.ts';
import type { VolumeSnapshot } from '#/engine/index.ts';
import { CloneVolumeBody, CreateSnapshotBody, RestoreVolumeBody } from '#/spec/docker-api/snapshot.ts';
import { sendEmpty, sendJson } from '../answer.ts';
import { readJsonBody } from '../body.ts';
import { printVolume } from '../print-volume.ts';
import type { HttpCall, Route } from '../router.ts';
import { checkBody } from '../validate.ts';

/** Gantry's own: Docker's API has no snapshots. */
export const SNAPSHOT_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/volumes/:name/snapshots', handle: list },
  { kind: 'http', method: 'POST', path: '/volumes/:name/snapshots', handle: create },
  { kind: 'http', method: 'DELETE', path: '/volumes/:name/snapshots/:snapshot', handle: remove },
  { kind: 'http', method: 'POST', path: '/volumes/:name/restore', handle: restore },
  { kind: 'http', method: 'POST', path: '/volumes/:name/clone', handle: clone },
];

const volumeOf = ({ params }: HttpCall): string => params.name ?? '';

const printSnapshot = ({ id, name, createdAtMs, sizeBytes }: VolumeSnapshot): object => ({
  Id: id,
  Name: name ?? '',
  CreatedAt: rfc3339Nano(createdAtMs),
  Size: sizeBytes,
});

function list(call: HttpCall): void {
  sendJson(call.response, 200, call.engine.volumes.snapshots.list(volumeOf(call)).map(printSnapshot));
}

async function create(call: HttpCall): Promise<void> {
  const { Name } = checkBody(CreateSnapshotBody, await readJsonBody(call.request));
  const snapshot = await call.engine.volumes.snapshots.create(volumeOf(call), Name || undefined);
  sendJson(call.response, 201, printSnapshot(snapshot));
}

async function remove(call: HttpCall): Promise<void> {
  await call.engine.volumes.snapshots.remove(volumeOf(call), call.params.snapshot ?? '');
  sendEmpty(call.response, 204);
}

async function restore(call: HttpCall): Promise<void> {
  const { Snapshot } = checkBody(RestoreVolumeBody, await readJsonBody(call.request));
  await call.engine.volumes.snapshots.restore(volumeOf(call), Snapshot);
  sendEmpty(call.response, 204);
}

async function clone(call: HttpCall): Promise<void> {
  const { Name, Labels } = checkBody(CloneVolumeBody, await readJsonBody(call.request));
  sendJson(call.response, 201, printVolume(await call.engine.volumes.clone(volumeOf(call), Name, Labels ?? {})));
}
