import type { ContainerSummary } from '#/spec/docker-api/container.ts';
import { checkFilter, checkInt, encodeFilters } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { containerListing } from '../format/container-listing.ts';
import { printRows } from '../format/rows.ts';
import { FORMAT_FLAG } from './format-flag.ts';

/** Lists containers. */
export const psCommand: Command = {
  usage: 'ps [OPTIONS]',
  summary: 'List containers',
  aliases: ['container ls', 'container list', 'container ps', 'ps'],
  flags: [
    { name: 'all', short: 'a', kind: 'bool', help: 'Show all containers (default shows just running)' },
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      type: 'filter',
      help: 'Filter output based on conditions provided',
      check: checkFilter,
    },
    FORMAT_FLAG,
    {
      name: 'last',
      short: 'n',
      kind: 'value',
      type: 'int',
      help: 'Show n last created containers (includes all states)',
      fallback: '-1',
      check: checkInt,
    },
    { name: 'latest', short: 'l', kind: 'bool', help: 'Show the latest created container (includes all states)' },
    { name: 'no-trunc', kind: 'bool', help: "Don't truncate output" },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display container IDs' },
    { name: 'size', short: 's', kind: 'bool', help: 'Display total file sizes' },
  ],
  operands: [0, 0],
  examples: [
    'gantry ps -a',
    "gantry ps --filter status=exited --format '{{.ID}} {{.Names}}'",
    'gantry rm $(gantry ps -aq)',
  ],
  run: listContainers,
};

async function listContainers({ flags, client, io }: CommandContext): Promise<undefined> {
  const format = flags.text('format');
  const showsSize = flags.bool('size');
  const last = flags.bool('latest') && !flags.has('last') ? 1 : (flags.number('last') ?? -1);
  const containers = await client.json<readonly ContainerSummary[]>('GET', '/containers/json', {
    query: {
      ...(flags.bool('all') ? { all: true } : {}),
      ...(last > 0 ? { limit: last } : {}),
      ...(showsSize || format?.includes('.Size') ? { size: true } : {}),
      filters: encodeFilters(flags.list('filter')),
    },
  });
  const listing = containerListing({ truncates: !flags.bool('no-trunc'), showsSize, nowMs: Date.now() });
  if (flags.bool('quiet')) {
    const ids = containers.map((container) => `${listing.columns.ID?.value(container)}\n`);
    io.stdout.write(ids.join(''));
  } else io.stdout.write(await printRows(listing, containers, format));
}
