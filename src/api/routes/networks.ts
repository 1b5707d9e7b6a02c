import { type Engine, EngineError, type Network, type NetworkSpec } from '#/engine/index.ts';
import {
  ConnectNetworkBody,
  CreateNetworkBody,
  type CreateNetworkRequest,
  DisconnectNetworkBody,
} from '#/spec/docker-api/network.ts';
import { sendEmpty, sendJson } from '../answer.ts';
import { readJsonBody } from '../body.ts';
import { parseEndpoint } from '../container/parse-network.ts';
import { matchesLabels, matchesName, matchesPruneLabels } from '../filter.ts';
import { printNetwork } from '../print-network.ts';
import { type Filters, filtersOf, flagOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { untilMsOf } from '../until.ts';
import { checkBody } from '../validate.ts';

export const NETWORK_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/networks', handle: list },
  { kind: 'http', method: 'GET', path: '/networks/:id', handle: inspect },
  { kind: 'http', method: 'DELETE', path: '/networks/:id', handle: remove },
  { kind: 'http', method: 'POST', path: '/networks/create', handle: create },
  { kind: 'http', method: 'POST', path: '/networks/prune', handle: prune },
  { kind: 'http', method: 'POST', path: '/networks/:id/connect', handle: connect },
  { kind: 'http', method: 'POST', path: '/networks/:id/disconnect', handle: disconnect },
];

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'] as const;

function list({ engine, query, response, version }: HttpCall): void {
  const tests = testsOf(engine, filtersOf(query, FILTERS));
  const networks = engine.networks.list().filter((network) => tests.every((test) => test(network)));
  sendJson(
    response,
    200,
    networks.map((network) => printNetwork(network, {}, version)),
  );
}

type Test = (network: Network) => boolean;

function testsOf(engine: Engine, filters: Filters): readonly Test[] {
  const tests: Test[] = [];
  const given = (name: (typeof FILTERS)[number], make: (values: readonly string[]) => Test): void => {
    const values = filters.get(name);
    if (values !== undefined && values.length > 0) tests.push(make(values));
  };
  given(
    'driver',
    (drivers) =>
      ({ driver }) =>
        drivers.includes(driver),
  );
  given(
    'id',
    (ids) =>
      ({ id }) =>
        ids.some((part) => id.includes(part)),
  );
  given('label', (labels) => (network) => matchesLabels(labels, network.labels));
  given(
    'name',
    (names) =>
      ({ name }) =>
        matchesName(names, [name]),
  );
  given('scope', (scopes) => () => scopes.includes('local'));
  given('type', (types) => (network) => types.includes(typeOf(engine, network, types)));
  const dangling = flagOf(filters, 'dangling');
  if (dangling !== undefined) tests.push((network) => isDangling(engine, network) === dangling);
  return tests;
}

function typeOf(engine: Engine, network: Network, asked: readonly string[]): string {
  const unknown = asked.find((type) => type !== 'custom' && type !== 'builtin');
  if (unknown !== undefined) throw new EngineError('invalid-argument', `invalid filter 'type=${unknown}'`);
  return engine.networks.isPredefined(network) ? 'builtin' : 'custom';
}

const isDangling = ({ networks }: Engine, network: Network): boolean =>
  !networks.isPredefined(network) && networks.endpointsOn(network).length === 0;

function inspect({ engine, params, query, response, version }: HttpCall): void {
  const scope = query.get('scope') ?? '';
  const reference = params.id ?? '';
  if (scope !== '' && scope !== 'local') throw new EngineError('not-found', `network ${reference} not found`);
  const network = engine.networks.get(reference);
  sendJson(response, 200, printNetwork(network, containersOn(engine, network), version));
}

function containersOn(engine: Engine, network: Network): Readonly<Record<string, object>> {
  const names = new Map(engine.containers.list().map(({ id, name }) => [id, name]));
  const withPrefix = (address: string, length: number): string => (address === '' ? '' : `${address}/${length}`);
  const entries = engine.networks.endpointsOn(network).map((endpoint) => {
    const printed = {
      Name: names.get(endpoint.containerId) ?? '',
      EndpointID: endpoint.endpointId,
      MacAddress: endpoint.macAddress,
      IPv4Address: withPrefix(endpoint.ipv4Address, endpoint.ipv4PrefixLength),
      IPv6Address: withPrefix(endpoint.ipv6Address, endpoint.ipv6PrefixLength),
    };
    return [endpoint.containerId, printed] as const;
  });
  return Object.fromEntries(entries);
}

async function create({ engine, request, response }: HttpCall): Promise<void> {
  const body = checkBody(CreateNetworkBody, await readJsonBody(request));
  const { network, warnings } = await engine.networks.create(parseNetworkSpec(body));
  sendJson(response, 201, { Id: network.id, Warning: warnings.join('\n') });
}

function parseNetworkSpec(body: CreateNetworkRequest): NetworkSpec {
  refuseWhatIsMissing(body);
  const given = <K extends keyof NetworkSpec>(key: K, value: NetworkSpec[K] | undefined) =>
    value === undefined ? {} : { [key]: value };
  return {
    name: body.Name ?? '',
    driver: body.Driver || 'bridge',
    ipam: (body.IPAM?.Config ?? []).map((pool) => ({
      subnet: pool.Subnet || undefined,
      ipRange: pool.IPRange || undefined,
      gateway: pool.Gateway || undefined,
      auxAddresses: pool.AuxiliaryAddresses,
    })),
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    labels: body.Labels ?? {},
    options: body.Options ?? {},
    ...given('ipamDriver', body.IPAM?.Driver || undefined),
    ...given('ipamOptions', body.IPAM?.Options),
    ...given('enableIpv4', body.EnableIPv4),
    ...given('enableIpv6', body.EnableIPv6),
  };
}

function refuseWhatIsMissing({ ConfigOnly, ConfigFrom, Ingress, Scope }: CreateNetworkRequest): void {
  const missing = (what: string): EngineError =>
    new EngineError('not-implemented', `${what} is not implemented in this version of Gantry`);
  if (ConfigOnly === true) throw missing('--config-only: a network that is only a configuration');
  if ((ConfigFrom?.Network ?? '') !== '') throw missing(`--config-from ${ConfigFrom?.Network}`);
  if (Ingress === true) throw missing('--ingress: swarm mode');
  if (Scope !== undefined && Scope !== '' && Scope !== 'local') throw missing(`--scope ${Scope}: swarm mode`);
}

async function remove({ engine, params, response }: HttpCall): Promise<void> {
  await engine.networks.remove(params.id ?? '');
  sendEmpty(response, 204);
}

async function prune({ engine, query, response }: HttpCall): Promise<void> {
  const filters = filtersOf(query, ['label', 'label!', 'until']);
  const untilMs = untilMsOf(filters, Date.now());
  const removed = await engine.networks.prune(
    ({ labels, createdAtMs }) =>
      matchesPruneLabels(filters, labels) && (untilMs === undefined || createdAtMs < untilMs),
  );
  sendJson(response, 200, { NetworksDeleted: removed.map(({ name }) => name) });
}

async function connect({ engine, params, request, response }: HttpCall): Promise<void> {
  const { Container: container, EndpointConfig } = checkBody(ConnectNetworkBody, await readJsonBody(request));
  await engine.containers.connect(params.id ?? '', container ?? '', parseEndpoint(EndpointConfig));
  sendEmpty(response, 200);
}

async function disconnect({ engine, params, request, response }: HttpCall): Promise<void> {
  const { Container: container, Force: force } = checkBody(DisconnectNetworkBody, await readJsonBody(request));
  await engine.containers.disconnect(params.id ?? '', container ?? '', { force: force ?? false });
  sendEmpty(response, 200);
}
