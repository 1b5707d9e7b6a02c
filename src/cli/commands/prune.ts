import type { Flag } from '../args/flag.ts';
import { checkFilter, encodeFilters } from '../args/values.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { printSize } from '../format/human.ts';
import { confirm } from '../streams/confirm.ts';

/** What the four kinds of answers of `POST /…/prune` have. Source: the Docker Engine API v1.51. */
interface PruneReport {
  readonly ContainersDeleted?: readonly string[] | null;
  readonly ImagesDeleted?: readonly { readonly Untagged?: string; readonly Deleted?: string }[] | null;
  readonly NetworksDeleted?: readonly string[] | null;
  readonly VolumesDeleted?: readonly string[] | null;
  /** Absent where what is removed takes no space. */
  readonly SpaceReclaimed?: number;
}

interface Pruning {
  readonly noun: 'container' | 'image' | 'network' | 'volume';
  readonly summary: string;
  /** What is asked about before anything is removed. */
  readonly warning: (context: CommandContext) => string;
  readonly flags?: readonly Flag[];
  readonly filterExample: string;
  readonly filters?: (context: CommandContext) => readonly string[];
  readonly title: string;
  readonly removed: (report: PruneReport) => readonly string[];
}

const command = (pruning: Pruning): Command => ({
  usage: 'prune [OPTIONS]',
  summary: pruning.summary,
  flags: [
    ...(pruning.flags ?? []),
    {
      name: 'filter',
      kind: 'list',
      type: 'filter',
      help: `Provide filter values (e.g. "${pruning.filterExample}")`,
      check: checkFilter,
    },
    { name: 'force', short: 'f', kind: 'bool', help: 'Do not prompt for confirmation' },
  ],
  operands: [0, 0],
  examples: [`gantry ${pruning.noun} prune -f`],
  run: (context) => prune(context, pruning),
});

async function prune(context: CommandContext, pruning: Pruning): Promise<number> {
  const { flags, client, io } = context;
  const filters = pruning.filters?.(context) ?? flags.list('filter');
  if (!flags.bool('force') && !(await confirm(io, pruning.warning(context)))) return 0;
  const report = await client.json<PruneReport>('POST', `/${pruning.noun}s/prune`, {
    query: { filters: encodeFilters(filters) },
  });
  const removed = pruning.removed(report);
  if (removed.length > 0) io.stdout.write(`${pruning.title}\n${removed.join('\n')}\n\n`);
  if (report.SpaceReclaimed !== undefined) {
    io.stdout.write(`Total reclaimed space: ${printSize(report.SpaceReclaimed)}\n`);
  }
  return 0;
}

/** Removes what is not in use. */
export const containerPruneCommand = command({
  noun: 'container',
  summary: 'Remove all stopped containers',
  warning: () => 'This will remove all stopped containers.',
  filterExample: 'until=<timestamp>',
  title: 'Deleted Containers:',
  removed: ({ ContainersDeleted }) => ContainersDeleted ?? [],
});

export const imagePruneCommand = command({
  noun: 'image',
  summary: 'Remove unused images',
  warning: () => 'This will remove all dangling images.',
  filterExample: 'until=<timestamp>',
  title: 'Deleted Images:',
  removed: ({ ImagesDeleted }) =>
    (ImagesDeleted ?? []).map((item) =>
      item.Deleted === undefined ? `untagged: ${item.Untagged}` : `deleted: ${item.Deleted}`,
    ),
});

export const networkPruneCommand = command({
  noun: 'network',
  summary: 'Remove all unused networks',
  warning: () => 'This will remove all custom networks not used by at least one container.',
  filterExample: 'until=<timestamp>',
  title: 'Deleted Networks:',
  removed: ({ NetworksDeleted }) => NetworksDeleted ?? [],
});

export const volumePruneCommand = command({
  noun: 'volume',
  summary: 'Remove unused local volumes',
  warning: ({ flags }) =>
    `This will remove ${flags.bool('all') ? 'all' : 'anonymous'} local volumes not used by at least one container.`,
  flags: [{ name: 'all', short: 'a', kind: 'bool', help: 'Remove all unused volumes, not just anonymous ones' }],
  filterExample: 'label=<label>',
  filters: volumeFilters,
  title: 'Deleted Volumes:',
  removed: ({ VolumesDeleted }) => VolumesDeleted ?? [],
});

function volumeFilters({ flags }: CommandContext): readonly string[] {
  const filters = flags.list('filter');
  if (!flags.bool('all')) return filters;
  if (filters.some((filter) => /^all=/i.test(filter))) {
    throw new ExitError(1, 'conflicting options: cannot specify both --all and --filter all=1');
  }
  return [...filters, 'all=true'];
}
