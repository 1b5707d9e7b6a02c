import { checkFilter, encodeFilters } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { type NetworkRow, networkListing } from '../format/network-listing.ts';
import { printRows } from '../format/rows.ts';
import { FORMAT_FLAG } from './format-flag.ts';

/** Lists networks. */
export const networkLsCommand: Command = {
  usage: 'ls [OPTIONS]',
  summary: 'List networks',
  aliases: ['network ls', 'network list'],
  flags: [
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      type: 'filter',
      help: 'Provide filter values (e.g. "driver=bridge")',
      check: checkFilter,
    },
    FORMAT_FLAG,
    { name: 'no-trunc', kind: 'bool', help: 'Do not truncate the output' },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display network IDs' },
  ],
  operands: [0, 0],
  examples: ['gantry network ls', "gantry network ls --filter driver=bridge --format '{{.Name}} {{.IPv6}}'"],
  run: listNetworks,
};

async function listNetworks({ flags, client, io }: CommandContext): Promise<undefined> {
  const networks = await client.json<readonly NetworkRow[]>('GET', '/networks', {
    query: { filters: encodeFilters(flags.list('filter')) },
  });
  const rows = [...networks].sort((a, b) => compareNaturally(a.Name, b.Name));
  const listing = networkListing(!flags.bool('no-trunc'));
  const format = flags.text('format');
  if (flags.bool('quiet') && format === undefined) {
    io.stdout.write(rows.map((row) => `${listing.columns.ID?.value(row)}\n`).join(''));
  } else io.stdout.write(await printRows(listing, rows, format));
}
