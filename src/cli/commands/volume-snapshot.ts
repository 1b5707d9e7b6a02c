import { checkLabel } from '../args/values.ts';
import type { Command } from '../command.ts';
import { toMap } from '../run/key-values.ts';
import { inPath } from './each.ts';

/** Gantry's own: keeps what is in a volume now, and prints the snapshot's id. */
export const volumeSnapshotCommand: Command = {
  usage: 'snapshot [OPTIONS] VOLUME',
  summary: "Keep a volume's content of now",
  flags: [{ name: 'name', kind: 'value', help: 'Name by which restore finds it, beside its ID' }],
  operands: [1, 1],
  examples: ['gantry volume snapshot --name before-upgrade data', 'id=$(gantry volume snapshot data)'],
  run: async ({ flags, operands, client, io }) => {
    const { Id } = await client.json<{ readonly Id: string }>(
      'POST',
      `/volumes/${inPath(operands[0] ?? '')}/snapshots`,
      { body: { Name: flags.text('name') ?? '' } },
    );
    io.stdout.write(`${Id}\n`);
    return 0;
  },
};

/** Gantry's own: what is in the volume now is replaced by what was in it then. */
export const volumeRestoreCommand: Command = {
  usage: 'restore VOLUME SNAPSHOT',
  summary: 'Put a volume back to one of its snapshots',
  flags: [],
  operands: [2, 2],
  examples: ['gantry volume restore data before-upgrade'],
  run: async ({ operands, client, io }) => {
    const [volume = '', Snapshot = ''] = operands;
    await client.text('POST', `/volumes/${inPath(volume)}/restore`, { body: { Snapshot } });
    io.stdout.write(`${volume}\n`);
    return 0;
  },
};

/** Gantry's own: a new volume with the same content. */
export const volumeCloneCommand: Command = {
  usage: 'clone [OPTIONS] VOLUME NEW_VOLUME',
  summary: 'Create a volume with the content of another',
  flags: [{ name: 'label', kind: 'list', help: 'Set metadata for the new volume', check: checkLabel }],
  operands: [2, 2],
  examples: ['gantry volume clone data data-copy'],
  run: async ({ flags, operands, client, io }) => {
    const [volume = '', Name = ''] = operands;
    await client.text('POST', `/volumes/${inPath(volume)}/clone`, {
      body: { Name, Labels: toMap(flags.list('label')) },
    });
    io.stdout.write(`${Name}\n`);
    return 0;
  },
};
