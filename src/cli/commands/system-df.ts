import type { Command, CommandContext } from '../command.ts';
import type { DiskUsage } from '../format/disk-usage.ts';
import { diskUsageRows, USAGE_LISTING } from '../format/disk-usage.ts';
import { printRows } from '../format/rows.ts';
import { FORMAT_FLAG } from './format-flag.ts';

/** Shows what takes space, and how much of it could be freed. */
export const systemDfCommand: Command = {
  usage: 'df [OPTIONS]',
  summary: 'Show disk usage',
  flags: [FORMAT_FLAG, { name: 'verbose', short: 'v', kind: 'bool', help: 'Show detailed information on space usage' }],
  operands: [0, 0],
  examples: ['gantry system df', "gantry system df --format '{{.Type}}: {{.Reclaimable}}'", 'gantry system df -v'],
  run: showUsage,
};

async function showUsage({ flags, client, io }: CommandContext): Promise<undefined> {
  const usage = await client.json<DiskUsage>('GET', '/system/df');
  const format = flags.text('format');
  if (flags.bool('verbose')) {
    const { printDetails } = await import('../format/disk-usage-details.ts');
    io.stdout.write(await printDetails(usage, format, Date.now()));
  } else io.stdout.write(await printRows(USAGE_LISTING, diskUsageRows(usage), format));
}
