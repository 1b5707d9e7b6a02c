import { readLines } from '#/client/json-lines.ts';
import type { EventMessage } from '#/spec/docker-api/event.ts';
import { printTimestamp } from '../args/timestamp.ts';
import { checkFilter, encodeFilters } from '../args/values.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { escapeControls } from '../format/escape.ts';
import { unescapeJson } from '../format/go-json.ts';
import { OBJECT_FORMAT_FLAG } from './format-flag.ts';

/** Shows what happens in the engine, as it happens. */
export const eventsCommand: Command = {
  usage: 'events [OPTIONS]',
  summary: 'Get real time events from the server',
  aliases: ['system events', 'events'],
  flags: [
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      type: 'filter',
      help: 'Filter output based on conditions provided',
      check: checkFilter,
    },
    { name: 'format', kind: 'value', help: OBJECT_FORMAT_FLAG.help },
    { name: 'since', kind: 'value', help: 'Show all events created since timestamp' },
    { name: 'until', kind: 'value', help: 'Stream events until this timestamp' },
  ],
  operands: [0, 0],
  examples: ['gantry events --since 10m', "gantry events --filter type=container --format '{{.Action}} {{.ID}}'"],
  run: showEvents,
};

async function showEvents({ flags, client, io }: CommandContext): Promise<number> {
  const time = (name: 'since' | 'until'): string | undefined => {
    const text = flags.text(name);
    return text === undefined || text === '' ? undefined : timestamp(text);
  };
  const format = flags.text('format') ?? '';
  const print = await printer(format);
  const answer = await client.request('GET', '/events', {
    query: { since: time('since'), until: time('until'), filters: encodeFilters(flags.list('filter')) },
  });
  for await (const line of readLines(answer.body)) if (line.trim() !== '') io.stdout.write(`${print(line)}\n`);
  return 0;
}

function timestamp(text: string): string {
  try {
    return printTimestamp(text, Date.now());
  } catch (error) {
    throw new ExitError(1, error instanceof Error ? error.message : String(error));
  }
}

async function printer(format: string): Promise<(line: string) => string> {
  if (format === '') return printEvent;
  if (format === 'json') return unescapeJson;
  const { compileTemplate } = await import('../template/template.ts');
  const fill = compileTemplate(format);
  return (line) => {
    const event = JSON.parse(line) as EventMessage;
    const { Actor } = event;
    return fill({
      Status: event.status ?? event.Action,
      ID: event.id ?? Actor.ID,
      From: event.from ?? Actor.Attributes?.image ?? '',
      Type: event.Type,
      Action: event.Action,
      Actor,
      Scope: event.scope ?? 'local',
      Time: event.time,
      TimeNano: nanosecondsOf(line, event),
    });
  };
}

/** The digits as they came: a number of JavaScript would lose the last three. */
const nanosecondsOf = (line: string, event: EventMessage): string =>
  /"timeNano":\s*(\d+)/.exec(line)?.[1] ?? `${event.time}000000000`;

function printEvent(line: string): string {
  const event = JSON.parse(line) as EventMessage;
  const { ID, Attributes } = event.Actor;
  const attributes = Object.entries(Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const shown = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return escapeControls(`${printTime(nanosecondsOf(line, event))} ${event.Type} ${event.Action} ${ID}${shown}`);
}

/** RFC 3339 in local time with nine digits of fraction. */
function printTime(nanoseconds: string): string {
  const ms = Number(nanoseconds.slice(0, -6));
  const offset = -new Date(ms).getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString().slice(0, 19);
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, '0');
  const zone =
    offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
  return `${local}.${nanoseconds.slice(-9)}${zone}`;
}
