import { EngineError } from '#/engine/index.ts';
import { UpdateContainerBody, type UpdateContainerRequest } from '#/spec/docker-api/update-container.ts';
import { sendJson } from '../answer.ts';
import { readJsonBody } from '../body.ts';
import { parsePortMap } from '../container/parse-ports.ts';
import { parseRestartPolicy } from '../container/parse-spec.ts';
import type { HttpCall, Route } from '../router.ts';
import { checkBody } from '../validate.ts';

export const UPDATE_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'POST', path: '/containers/:id/update', handle: update },
];

async function update({ engine, params, request, response }: HttpCall): Promise<void> {
  const body = checkBody(UpdateContainerBody, await readJsonBody(request));
  refuseResources(body);
  const id = engine.containers.get(params.id ?? '').id;
  const { RestartPolicy, PortBindings } = body;
  const policy = RestartPolicy === undefined || !RestartPolicy.Name ? undefined : parseRestartPolicy({ RestartPolicy });
  const ports = PortBindings === undefined ? undefined : parsePortMap(PortBindings);
  if (ports !== undefined) await engine.containers.setPublishedPorts(id, ports);
  if (policy !== undefined) await engine.containers.setRestartPolicy(id, policy);
  sendJson(response, 200, { Warnings: [] });
}

/** Clients send every resource, with an empty value where it is to stay. */
function refuseResources({ RestartPolicy, PortBindings, ...resources }: UpdateContainerRequest): void {
  const asked = Object.entries(resources).find(([, value]) => !isEmpty(value));
  if (asked === undefined) return;
  throw new EngineError(
    'not-implemented',
    `changing ${asked[0]} of a container is not implemented in this version of Gantry`,
  );
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
