import type { HTTPMethod } from 'find-my-way';
import { EngineError } from '#/base/errors.ts';
import type { Route } from '../router.ts';

/** Endpoints of the API that are not there yet: each says so, and none does half of it. */
const MISSING: readonly (readonly [HTTPMethod, string, string])[] = [
  ['GET', '/containers/:id/changes', 'listing changed files (docker diff)'],
  ['GET', '/containers/:id/export', 'exporting containers'],
  ['GET', '/containers/:id/attach/ws', 'attaching over WebSocket'],
  ['POST', '/containers/prune', 'pruning containers'],
  ['POST', '/images/prune', 'pruning images'],
  ['GET', '/images/search', 'searching registries'],
  ['POST', '/commit', 'committing containers'],
  ['POST', '/build', 'building images'],
  ['POST', '/build/prune', 'pruning the build cache'],
  ['POST', '/build/cancel', 'canceling builds'],
  ['POST', '/session', 'build sessions'],
  ['POST', '/grpc', 'build sessions'],
  ['POST', '/auth', 'logging in to registries'],
  ['GET', '/distribution/*', 'asking registries'],
  ['GET', '/plugins', 'plugins'],
  ['GET', '/plugins/*', 'plugins'],
  ['POST', '/plugins/*', 'plugins'],
  ['DELETE', '/plugins/*', 'plugins'],
  ...(['swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs'] as const).flatMap((noun) =>
    (['GET', 'POST', 'DELETE'] as const).flatMap((method): [HTTPMethod, string, string][] => [
      [method, `/${noun}`, 'swarm mode'],
      [method, `/${noun}/*`, 'swarm mode'],
    ]),
  ),
];

/** `docker inspect NAME` asks for each kind of thing in turn and goes on only past those that are not found. */
const NEVER_FOUND: readonly (readonly [string, (name: string) => string])[] = [
  ['/plugins/:name/json', (name) => `plugin ${JSON.stringify(name)} not found`],
];

const NEVER_FOUND_ROUTES: readonly Route[] = NEVER_FOUND.map(([path, text]) => ({
  kind: 'http',
  method: 'GET',
  path,
  handle: ({ params }) => {
    throw new EngineError('not-found', text(params.name ?? ''));
  },
}));

const missing = (what: string): EngineError =>
  new EngineError('not-implemented', `${what} is not implemented in this version of Gantry`);

const MISSING_ENDPOINTS: readonly Route[] = MISSING.map(([method, path, what]) => ({
  kind: 'http',
  method,
  path,
  handle: () => {
    throw missing(what);
  },
}));

export const MISSING_ROUTES: readonly Route[] = [...NEVER_FOUND_ROUTES, ...MISSING_ENDPOINTS];
