import { type Command, ExitError } from '../command.ts';
import { describeFailure } from '../failure.ts';
import { pullImage } from '../run/pull-image.ts';

/** Fetches an image, or has the engine assemble it (`gantry.local/…`). */
export const pullCommand: Command = {
  usage: 'pull [OPTIONS] NAME[:TAG|@DIGEST]',
  summary: 'Download an image from a registry',
  aliases: ['image pull', 'pull'],
  flags: [
    { name: 'platform', kind: 'value', help: 'Set platform if server is multi-platform capable' },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress verbose output' },
  ],
  operands: [1, 1],
  examples: ['gantry pull gantry.local/debian:trixie'],
  run: async ({ flags, operands, client, io }) => {
    const [image = ''] = operands;
    const quiet = flags.bool('quiet');
    try {
      await pullImage(client, image, { platform: flags.text('platform'), out: quiet ? undefined : io.stdout });
    } catch (error) {
      throw new ExitError(1, describeFailure(error));
    }
    if (quiet) io.stdout.write(`${image}\n`);
    return 0;
  },
};
