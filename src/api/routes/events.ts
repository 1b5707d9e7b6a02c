import type { EngineEvent } from '#/engine/index.ts';
import { matchesLabels, matchesReference } from '../filter.ts';
import { type Filters, filtersOf, timeMsOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { writeAll } from './streams.ts';

export const EVENT_ROUTES: readonly Route[] = [{ kind: 'http', method: 'GET', path: '/events', handle: events }];

const FILTERS = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
] as const;

async function events({ engine, query, response, signal, version }: HttpCall): Promise<void> {
  const filters = filtersOf(query, FILTERS);
  const sinceMs = timeMsOf(query, 'since');
  const untilMs = timeMsOf(query, 'until');
  const until =
    untilMs === undefined
      ? undefined
      : AbortSignal.timeout(Math.ceil(Math.min(Math.max(0, untilMs - Date.now()), 2 ** 31 - 1)));
  const stream = engine.events({
    ...(sinceMs === undefined ? {} : { sinceMs }),
    signal: until === undefined ? signal : AbortSignal.any([signal, until]),
  });
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  for await (const event of stream) {
    if (untilMs !== undefined && event.timeMs > untilMs) break;
    if (!matches(event, filters)) continue;
    await writeAll(response, `${JSON.stringify(printEvent(event, version.minor))}\n`);
  }
  response.end();
}

function matches(event: EngineEvent, filters: Filters): boolean {
  const holds = (name: string, test: (value: string) => boolean): boolean => filters.get(name)?.some(test) ?? true;
  const names = (type: EngineEvent['type']) => (value: string) =>
    event.type === type && (event.id.startsWith(value) || event.attributes.name === value);
  return (
    holds('type', (type) => event.type === type) &&
    holds('event', (action) => event.action === action || event.action.startsWith(`${action}:`)) &&
    holds('container', names('container')) &&
    holds('network', names('network')) &&
    holds('volume', names('volume')) &&
    holds('daemon', names('daemon')) &&
    holds('image', (image) => matchesImage(event, image)) &&
    holds('scope', (scope) => scope === 'local') &&
    matchesLabels(filters.get('label'), event.attributes)
  );
}

function matchesImage({ type, id, attributes }: EngineEvent, image: string): boolean {
  const reference = type === 'image' ? (attributes.name ?? id) : (attributes.image ?? '');
  return id === image || matchesReference(image, reference);
}

function printEvent(event: EngineEvent, minor: number): object {
  const legacy =
    minor >= 52 || event.type !== 'container'
      ? {}
      : {
          status: event.action,
          id: event.id,
          ...(event.attributes.image === undefined ? {} : { from: event.attributes.image }),
        };
  return {
    ...legacy,
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: 'local',
    time: Math.floor(event.timeMs / 1000),
    // Milliseconds are what the engine has; the digits below are made of the text so that no float loses them.
    timeNano: event.timeMs * 1_000_000,
  };
}
