import type { ImageSummary } from '#/spec/docker-api/image.ts';
import { checkFilter, encodeFilters } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { type ImageRow, imageListing, imageRows } from '../format/image-listing.ts';
import { printRows } from '../format/rows.ts';
import { FORMAT_FLAG } from './format-flag.ts';

/** Lists images, one line for each of their names. */
export const imagesCommand: Command = {
  usage: 'images [OPTIONS] [REPOSITORY[:TAG]]',
  summary: 'List images',
  aliases: ['image ls', 'image list', 'images'],
  flags: [
    { name: 'all', short: 'a', kind: 'bool', help: 'Show all images (default hides intermediate images)' },
    { name: 'digests', kind: 'bool', help: 'Show digests' },
    {
      name: 'filter',
      short: 'f',
      kind: 'list',
      type: 'filter',
      help: 'Filter output based on conditions provided',
      check: checkFilter,
    },
    FORMAT_FLAG,
    { name: 'no-trunc', kind: 'bool', help: "Don't truncate output" },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only show image IDs' },
  ],
  operands: [0, 1],
  examples: [
    'gantry images',
    'gantry images --filter dangling=true -q',
    "gantry images --format '{{.Repository}}:{{.Tag}}'",
  ],
  run: listImages,
};

async function listImages({ flags, operands, client, io }: CommandContext): Promise<undefined> {
  const pattern = operands[0] === undefined ? [] : [`reference=${operands[0]}`];
  const images = await client.json<readonly ImageSummary[]>('GET', '/images/json', {
    query: {
      ...(flags.bool('all') ? { all: true } : {}),
      filters: encodeFilters([...flags.list('filter'), ...pattern]),
    },
  });
  const showsDigest = flags.bool('digests');
  const listing = imageListing({ truncates: !flags.bool('no-trunc'), showsDigest, nowMs: Date.now() });
  const format = flags.text('format');
  const newestFirst = [...images].sort((a, b) => b.Created - a.Created);
  const rows: readonly ImageRow[] = newestFirst.flatMap((image) =>
    imageRows(image, showsDigest || format?.includes('.Digest') === true),
  );
  if (flags.bool('quiet')) io.stdout.write(rows.map((row) => `${listing.columns.ID?.value(row)}\n`).join(''));
  else io.stdout.write(await printRows(listing, rows, format));
}
