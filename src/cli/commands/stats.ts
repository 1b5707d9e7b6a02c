import { readJsonLines } from '#/client/json-lines.ts';
import type { ContainerSummary } from '#/spec/docker-api/container.ts';
import type { ContainerStats } from '#/spec/docker-api/stats.ts';
import type { Command, CommandContext } from '../command.ts';
import { printRows } from '../format/rows.ts';
import { type StatsRow, statsListing } from '../format/stats-listing.ts';
import { inPath } from './each.ts';
import { FORMAT_FLAG } from './format-flag.ts';

const REFRESH_MS = 500;

/** Shows what containers use, again and again. */
export const statsCommand: Command = {
  usage: 'stats [OPTIONS] [CONTAINER...]',
  summary: 'Display a live stream of container(s) resource usage statistics',
  aliases: ['container stats', 'stats'],
  flags: [
    { name: 'all', short: 'a', kind: 'bool', help: 'Show all containers (default shows just running)' },
    FORMAT_FLAG,
    { name: 'no-stream', kind: 'bool', help: 'Disable streaming stats and only pull the first result' },
    { name: 'no-trunc', kind: 'bool', help: 'Do not truncate output' },
  ],
  operands: [0, Number.POSITIVE_INFINITY],
  examples: ['gantry stats --no-stream', "gantry stats --format 'table {{.Name}}\\t{{.CPUPerc}}' web db"],
  run: showStats,
};

async function showStats(context: CommandContext): Promise<number> {
  const { flags, client, io } = context;
  const listing = statsListing(!flags.bool('no-trunc'));
  const format = flags.text('format');
  if (flags.bool('no-stream')) {
    const rows = await Promise.all(
      (await namesOf(context)).map(async (name): Promise<StatsRow> => {
        const stats = await client.json<ContainerStats>('GET', `/containers/${inPath(name)}/stats`, {
          query: { stream: false },
        });
        return { asked: name, stats };
      }),
    );
    io.stdout.write(await printRows(listing, rows, format));
    return 0;
  }
  return watch(context, async (rows) => {
    const text = await printRows(listing, rows, format);
    // Home, each line cleared to its end, then the rest of the screen.
    io.stdout.write(`\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`);
  });
}

async function namesOf({ flags, operands, client }: CommandContext): Promise<readonly string[]> {
  if (operands.length > 0) return operands;
  const query = flags.bool('all') ? { all: true } : {};
  const containers = await client.json<readonly ContainerSummary[]>('GET', '/containers/json', { query });
  return containers.map(({ Id }) => Id);
}

/** Keeps one stream per container, and the list of containers fresh where none were named. */
async function watch(context: CommandContext, show: (rows: readonly StatsRow[]) => Promise<void>): Promise<number> {
  const { operands, client } = context;
  const rows = new Map<string, StatsRow>();
  let failure: unknown;
  const follow = async (name: string): Promise<void> => {
    rows.set(name, { asked: name });
    try {
      const answer = await client.request('GET', `/containers/${inPath(name)}/stats`, { query: { stream: true } });
      for await (const stats of readJsonLines<ContainerStats>(answer.body)) rows.set(name, { asked: name, stats });
    } catch (error) {
      if (operands.length > 0) failure ??= error;
    }
    if (operands.length === 0) rows.delete(name);
  };
  for (;;) {
    for (const name of await namesOf(context)) if (!rows.has(name)) void follow(name);
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    if (failure !== undefined) throw failure;
    await show([...rows.values()]);
  }
}
