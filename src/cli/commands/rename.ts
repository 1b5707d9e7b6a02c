import { DaemonError } from '#/client/daemon-error.ts';
import { type Command, ExitError } from '../command.ts';
import { describeFailure } from '../failure.ts';
import { inPath } from './each.ts';

/** Gives a container another name. */
export const renameCommand: Command = {
  usage: 'rename CONTAINER NEW_NAME',
  summary: 'Rename a container',
  aliases: ['container rename', 'rename'],
  flags: [],
  operands: [2, 2],
  examples: ['gantry rename web web-old'],
  run: async ({ operands, client }) => {
    const [from = '', to = ''] = operands.map((name) => name.trim());
    if (from === '' || to === '') throw new ExitError(1, 'Error: Neither old nor new names may be empty');
    try {
      await client.text('POST', `/containers/${inPath(from)}/rename`, { query: { name: to } });
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      throw new ExitError(1, `${describeFailure(error)}\nError: failed to rename container named ${from}`);
    }
    return 0;
  },
};
