import { DaemonError } from '#/client/daemon-error.ts';
import type { Command } from '../command.ts';
import { forEachOperand, inPath } from './each.ts';

/** Removes networks. */
export const networkRmCommand: Command = {
  usage: 'rm NETWORK [NETWORK...]',
  summary: 'Remove one or more networks',
  aliases: ['network rm', 'network remove'],
  flags: [{ name: 'force', short: 'f', kind: 'bool', help: 'Do not error if the network does not exist' }],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry network rm back', 'gantry network rm $(gantry network ls -q --filter dangling=true)'],
  run: (context) =>
    forEachOperand(context, async (name) => {
      try {
        await context.client.text('DELETE', `/networks/${inPath(name)}`);
        return name;
      } catch (error) {
        const isGone = error instanceof DaemonError && error.status === 404;
        if (isGone && context.flags.bool('force')) return undefined;
        throw error;
      }
    }),
};
