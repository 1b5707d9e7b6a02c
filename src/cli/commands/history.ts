import type { ImageHistoryItem } from '#/spec/docker-api/image.ts';
import { parseBool } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { ellipsis } from '../format/ellipsis.ts';
import { printAgo, printSize } from '../format/human.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { FORMAT_FLAG } from './format-flag.ts';

const CREATED_BY_LENGTH = 45;

/** Shows how an image came to be, newest step first. */
export const historyCommand: Command = {
  usage: 'history [OPTIONS] IMAGE',
  summary: 'Show the history of an image',
  aliases: ['image history', 'history'],
  flags: [
    FORMAT_FLAG,
    {
      name: 'human',
      short: 'H',
      kind: 'bool',
      help: 'Print sizes and dates in human readable format',
      fallback: 'true',
      check: parseBool,
    },
    { name: 'no-trunc', kind: 'bool', help: "Don't truncate output" },
    { name: 'platform', kind: 'value', help: 'Show history for the given platform', hidden: true },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only show image IDs' },
  ],
  operands: [1, 1],
  examples: ['gantry history my/app', "gantry history --no-trunc --format '{{.CreatedBy}}' my/app"],
  run: showHistory,
};

async function showHistory({ flags, operands, client, io }: CommandContext): Promise<undefined> {
  const [image = ''] = operands;
  const steps = await client.json<readonly ImageHistoryItem[]>('GET', `/images/${encodeURI(image)}/history`);
  const listing = historyListing(!flags.bool('no-trunc'), flags.bool('human', true), Date.now());
  if (flags.bool('quiet')) io.stdout.write(steps.map((step) => `${listing.columns.ID?.value(step)}\n`).join(''));
  else io.stdout.write(await printRows(listing, steps, flags.text('format')));
}

function historyListing(truncates: boolean, isHuman: boolean, nowMs: number): Listing<ImageHistoryItem> {
  // A build that was made reproducible has no dates to speak of.
  const hasDate = (seconds: number): boolean => seconds > 0;
  const iso = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  return {
    columns: {
      ID: { header: 'IMAGE', value: ({ Id }) => (truncates ? Id.replace(/^sha256:/, '').slice(0, 12) : Id) },
      CreatedSince: {
        header: isHuman ? 'CREATED' : 'CREATED AT',
        value: ({ Created }) => (!isHuman ? iso(Created) : hasDate(Created) ? printAgo(Created, nowMs) : 'N/A'),
      },
      CreatedBy: {
        header: 'CREATED BY',
        value: ({ CreatedBy }) => {
          const line = CreatedBy.replaceAll('\t', ' ');
          return truncates ? ellipsis(line, CREATED_BY_LENGTH) : line;
        },
      },
      Size: { header: 'SIZE', value: ({ Size }) => (isHuman ? printSize(Size, 3) : String(Size)) },
      Comment: { header: 'COMMENT', value: ({ Comment }) => Comment },
      CreatedAt: { header: 'CREATED AT', value: ({ Created }) => iso(Created) },
    },
    shown: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
  };
}
