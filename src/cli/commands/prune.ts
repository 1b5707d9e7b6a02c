import { checkFilter, encodeFilters } from '../args/values.ts';
import type { Command } from '../command.ts';
import { printSize } from '../format/human.ts';

interface PruneReport {
  readonly ContainersDeleted?: readonly string[] | null;
  readonly ImagesDeleted?: readonly { readonly Untagged?: string; readonly Deleted?: string }[] | null;
  readonly SpaceReclaimed: number;
}

const command = (noun: 'container' | 'image', summary: string, lines: (report: PruneReport) => string[]): Command => ({
  usage: 'prune [OPTIONS]',
  summary,
  flags: [
    { name: 'filter', kind: 'list', type: 'filter', help: 'Provide filter values', check: checkFilter },
    { name: 'force', short: 'f', kind: 'bool', help: 'Do not prompt for confirmation' },
  ],
  operands: [0, 0],
  examples: [`gantry ${noun} prune -f`],
  run: async ({ flags, client, io }) => {
    if (!flags.bool('force')) {
      io.stderr.write(`gantry ${noun} prune: nothing is removed without --force\n`);
      return 1;
    }
    const query = { filters: encodeFilters(flags.list('filter')) };
    const report = await client.json<PruneReport>('POST', `/${noun}s/prune`, { query });
    const removed = lines(report);
    const list = removed.length === 0 ? '' : `${removed.join('\n')}\n\n`;
    io.stdout.write(`${list}Total reclaimed space: ${printSize(report.SpaceReclaimed)}\n`);
    return 0;
  },
});

/** Removes what is not in use. */
export const containerPruneCommand = command('container', 'Remove all stopped containers', ({ ContainersDeleted }) =>
  (ContainersDeleted ?? []).length === 0 ? [] : ['Deleted Containers:', ...(ContainersDeleted ?? [])],
);

export const imagePruneCommand = command('image', 'Remove unused images', ({ ImagesDeleted }) => {
  const items = (ImagesDeleted ?? []).map((item) =>
    item.Deleted === undefined ? `untagged: ${item.Untagged}` : `deleted: ${item.Deleted}`,
  );
  return items.length === 0 ? [] : ['Deleted Images:', ...items];
});
