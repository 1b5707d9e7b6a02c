import { EngineError } from '#/base/errors.ts';
import { type ContainerRecord, type Engine, exitCodeOf, isAlive } from '#/engine/index.ts';
import { sendJson } from '../answer.ts';
import { parseExposedPorts } from '../container/parse-ports.ts';
import { printSummary } from '../container/print-container.ts';
import { printNetworkMode } from '../container/print-network.ts';
import { matchesLabels, matchesName } from '../filter.ts';
import { boolOf, type Filters, filtersOf, intOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { sizeOf } from './containers.ts';
import { displayedImage } from './images.ts';

export const LIST_CONTAINER_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/containers/json', handle: list },
];

const FILTERS = [
  'ancestor',
  'before',
  'expose',
  'exited',
  'health',
  'id',
  'isolation',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;
const STATUSES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

async function list({ engine, query, response, version }: HttpCall): Promise<void> {
  const filters = filtersOf(query, FILTERS);
  const limit = intOf(query, 'limit') ?? 0;
  const all =
    boolOf(query, 'all') ||
    limit > 0 ||
    filters.has('status') ||
    filters.has('exited') ||
    filters.has('before') ||
    filters.has('since');
  const selected = select(engine, filters).filter(
    (record) => all || isAlive(record.state) || record.state.status === 'restarting',
  );
  const shown = limit > 0 ? selected.slice(0, limit) : selected;
  const withSize = boolOf(query, 'size');
  const nowMs = Date.now();
  const summaries: object[] = [];
  for (const record of shown) {
    const size = withSize ? await sizeOf(engine, record) : undefined;
    const image = displayedImage(engine.images, record.config.image.reference, record.imageId);
    summaries.push(printSummary(engine, record, image, size, nowMs, version));
  }
  sendJson(response, 200, summaries);
}

function select(engine: Engine, filters: Filters): readonly ContainerRecord[] {
  const tests = testsOf(engine, filters);
  return engine.containers.list().filter((record) => tests.every((test) => test(record)));
}

type Test = (record: ContainerRecord) => boolean;

function testsOf(engine: Engine, filters: Filters): readonly Test[] {
  const tests: Test[] = [];
  const given = (name: string, make: (values: readonly string[]) => Test): void => {
    const values = filters.get(name);
    if (values !== undefined && values.length > 0) tests.push(make(values));
  };
  given('id', (ids) => (record) => ids.some((id) => record.id.startsWith(id)));
  given('name', (names) => (record) => matchesName(names, [record.name, `/${record.name}`]));
  given('label', (labels) => (record) => matchesLabels(labels, record.config.labels));
  given('status', statusTest);
  given('exited', exitedTest);
  given('ancestor', (images) => ancestorTest(engine, images));
  given('before', ([reference = '']) => timeTest(engine, reference, (time, than) => time < than));
  given('since', ([reference = '']) => timeTest(engine, reference, (time, than) => time > than));
  given('network', (references) => networkTest(engine, references));
  given(
    'volume',
    (paths) => (record) =>
      record.config.mounts.some(
        (mount) =>
          paths.includes(mount.target) ||
          (mount.kind === 'bind' && paths.includes(mount.source)) ||
          (mount.kind === 'volume' && paths.includes(mount.name)),
      ),
  );
  given('expose', (ports) => portTest('expose', ports, (record) => record.config.exposedPorts));
  given('publish', (ports) => portTest('publish', ports, (record) => publishedOf(engine, record)));
  given('health', healthTest);
  given('is-task', taskTest);
  return tests;
}

/** `80`, `80/udp` or a range, as Docker's filters have them. */
function portTest(
  filter: string,
  wanted: readonly string[],
  portsOf: (record: ContainerRecord) => readonly string[],
): Test {
  const ports = new Set(wanted.flatMap((text) => portsOfFilter(filter, text)));
  return (record) => portsOf(record).some((port) => ports.has(port));
}

function portsOfFilter(filter: string, text: string): readonly string[] {
  try {
    return parseExposedPorts([text]);
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid filter '${filter}=${text}'`, { cause });
  }
}

/** Docker's manual means the container's port, its daemon that of the host, for which scripts rely on it. */
const publishedOf = (engine: Engine, record: ContainerRecord): readonly string[] =>
  engine.containers.publishedPorts(record).map(({ hostPort, protocol }) => `${hostPort}/${protocol}`);

const HEALTHS = ['starting', 'healthy', 'unhealthy', 'none'];

function healthTest(healths: readonly string[]): Test {
  const unknown = healths.find((health) => !HEALTHS.includes(health));
  if (unknown !== undefined)
    throw new EngineError('invalid-argument', `unrecognized filter value for health: ${unknown}`);
  return () => healths.includes('none');
}

function taskTest([value = '']: readonly string[]): Test {
  if (['false', '0'].includes(value)) return () => true;
  if (['true', '1'].includes(value)) return () => false;
  throw new EngineError('invalid-argument', `invalid filter 'is-task=[${value}]'`);
}

function statusTest(statuses: readonly string[]): Test {
  for (const status of statuses) {
    if (!STATUSES.includes(status)) throw new EngineError('invalid-argument', `invalid filter 'status=${status}'`);
  }
  return (record) => statuses.includes(record.state.status);
}

function exitedTest(codes: readonly string[]): Test {
  for (const code of codes) {
    if (!/^\d+$/.test(code)) throw new EngineError('invalid-argument', `invalid filter 'exited=${code}'`);
  }
  return (record) => record.state.status === 'exited' && codes.includes(String(exitCodeOf(record.state)));
}

function ancestorTest(engine: Engine, references: readonly string[]): Test {
  const ids = new Set(references.map((reference) => engine.images.find(reference)?.id));
  return (record) => ids.has(record.imageId) || references.includes(record.config.image.reference);
}

function timeTest(engine: Engine, reference: string, holds: (time: number, than: number) => boolean): Test {
  const than = engine.containers.get(reference).createdAtMs;
  return (record) => holds(record.createdAtMs, than);
}

/** On it now or when it runs next; by name or id. */
function networkTest({ networks }: Engine, references: readonly string[]): Test {
  const byId = networks.list().filter(({ id }) => references.includes(id));
  const names = new Set([...references, ...byId.map(({ name }) => name)]);
  return ({ config: { network } }) =>
    names.has(printNetworkMode(network.mode)) || Object.keys(network.endpoints).some((name) => names.has(name));
}
