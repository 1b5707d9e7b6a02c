import { checkLabel } from '../args/values.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { toMap } from '../run/key-values.ts';

/** Creates a volume, or finds the one of that name, and prints its name. */
export const volumeCreateCommand: Command = {
  usage: 'create [OPTIONS] [VOLUME]',
  summary: 'Create a volume',
  flags: [
    { name: 'driver', short: 'd', kind: 'value', fallback: '"local"', help: 'Specify volume driver name' },
    { name: 'label', kind: 'list', help: 'Set metadata for a volume', check: checkLabel },
    { name: 'name', kind: 'value', help: 'Specify volume name', hidden: true },
    { name: 'opt', short: 'o', kind: 'list', type: 'map', fallback: 'map[]', help: 'Set driver specific options' },
  ],
  operands: [0, 1],
  examples: [
    'gantry volume create data',
    'gantry volume create -o type=tmpfs -o device=tmpfs -o o=size=100m scratch',
    'gantry volume create -o type=nfs -o o=addr=10.0.0.5,rw -o device=:/exports/data shared',
  ],
  run: createVolume,
};

async function createVolume({ flags, operands, client, io }: CommandContext): Promise<undefined> {
  if (flags.has('name') && operands.length > 0) {
    throw new ExitError(
      1,
      'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
    );
  }
  const name = operands[0] ?? flags.text('name') ?? '';
  const created = await client.json<{ readonly Name: string }>('POST', '/volumes/create', {
    body: {
      ...(name === '' ? {} : { Name: name }),
      Driver: flags.text('driver') ?? 'local',
      DriverOpts: toMap(flags.list('opt')),
      Labels: toMap(flags.list('label')),
    },
  });
  io.stdout.write(`${created.Name}\n`);
}
