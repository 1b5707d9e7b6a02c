import type { Command } from '../command.ts';
import { forEachOperand, inPath } from './each.ts';

/** Removes volumes that no container refers to. */
export const volumeRmCommand: Command = {
  usage: 'rm [OPTIONS] VOLUME [VOLUME...]',
  summary: 'Remove one or more volumes. You cannot remove a volume that is in use by a container.',
  aliases: ['volume rm', 'volume remove'],
  flags: [{ name: 'force', short: 'f', kind: 'bool', help: 'Force the removal of one or more volumes' }],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry volume rm data', 'gantry volume rm $(gantry volume ls -q --filter dangling=true)'],
  run: (context) =>
    forEachOperand(context, async (name) => {
      const query = context.flags.bool('force') ? { force: true } : {};
      await context.client.text('DELETE', `/volumes/${inPath(name)}`, { query });
      return name;
    }),
};
