import type { Command, CommandContext } from '../command.ts';
import { printAgo, printSize } from '../format/human.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { inPath } from './each.ts';
import { FORMAT_FLAG } from './format-flag.ts';

/** One snapshot of `GET /volumes/{name}/snapshots`, Gantry's own endpoint. */
interface SnapshotRow {
  readonly Id: string;
  /** '' where it has none. */
  readonly Name: string;
  /** RFC 3339. */
  readonly CreatedAt: string;
  readonly Size: number;
}

/** Gantry's own: lists a volume's snapshots, or removes one. */
export const volumeSnapshotsCommand: Command = {
  usage: 'snapshots [OPTIONS] VOLUME',
  summary: "List or remove a volume's snapshots",
  flags: [
    FORMAT_FLAG,
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Only display snapshot IDs' },
    { name: 'rm', kind: 'list', type: 'snapshot', help: 'Remove this snapshot instead' },
  ],
  operands: [1, 1],
  examples: ['gantry volume snapshots data', 'gantry volume snapshots --rm before-upgrade data'],
  run: (context) => (context.flags.has('rm') ? removeSnapshots(context) : listSnapshots(context)),
};

async function removeSnapshots({ flags, operands, client, io }: CommandContext): Promise<undefined> {
  const [volume = ''] = operands;
  for (const id of flags.list('rm')) {
    await client.text('DELETE', `/volumes/${inPath(volume)}/snapshots/${inPath(id)}`);
    io.stdout.write(`${id}\n`);
  }
}

async function listSnapshots({ flags, operands, client, io }: CommandContext): Promise<undefined> {
  const path = `/volumes/${inPath(operands[0] ?? '')}/snapshots`;
  const snapshots = await client.json<readonly SnapshotRow[]>('GET', path);
  const format = flags.text('format');
  if (flags.bool('quiet') && format === undefined) io.stdout.write(snapshots.map(({ Id }) => `${Id}\n`).join(''));
  else io.stdout.write(await printRows(snapshotListing(Date.now()), snapshots, format));
}

const snapshotListing = (nowMs: number): Listing<SnapshotRow> => ({
  columns: {
    ID: { header: 'SNAPSHOT ID', value: ({ Id }) => Id },
    Name: { header: 'NAME', value: ({ Name }) => Name },
    CreatedSince: { header: 'CREATED', value: ({ CreatedAt }) => printAgo(Date.parse(CreatedAt) / 1000, nowMs) },
    Size: { header: 'SIZE', value: ({ Size }) => printSize(Size) },
    CreatedAt: { header: 'CREATED AT', value: ({ CreatedAt }) => CreatedAt },
  },
  shown: ['ID', 'Name', 'CreatedSince', 'Size'],
});
