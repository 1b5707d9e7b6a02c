import { checkFilter, encodeFilters } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { printRows } from '../format/rows.ts';
import { VOLUME_LISTING, type VolumeRow } from '../format/volume-listing.ts';
import { FORMAT_FLAG } from './format-flag.ts';

/** Lists volumes. */
export const volumeLsCommand: Command = {
  usage: 'ls [OPTIONS]',
  summary: 'List volumes',
  aliases: ['volume ls', 'volume list'],
  flags: [
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      type: 'filter',
      help: 'Provide filter values (e.g. "dangling=true")',
      check: checkFilter,
    },
    FORMAT_FLAG,
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display volume names' },
  ],
  operands: [0, 0],
  examples: ['gantry volume ls', 'gantry volume ls -q --filter dangling=true'],
  run: listVolumes,
};

async function listVolumes({ flags, client, io }: CommandContext): Promise<undefined> {
  const { Volumes } = await client.json<{ readonly Volumes: readonly VolumeRow[] | null }>('GET', '/volumes', {
    query: { filters: encodeFilters(flags.list('filter')) },
  });
  const rows = [...(Volumes ?? [])].sort((a, b) => compareNaturally(a.Name, b.Name));
  const format = flags.text('format');
  if (flags.bool('quiet') && format === undefined) io.stdout.write(rows.map(({ Name }) => `${Name}\n`).join(''));
  else io.stdout.write(await printRows(VOLUME_LISTING, rows, format));
}
