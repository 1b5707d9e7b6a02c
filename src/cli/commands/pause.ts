import type { Command } from '../command.ts';
import { forEachOperand, inPath } from './each.ts';

const command = (verb: 'pause' | 'unpause', summary: string): Command => ({
  usage: `${verb} CONTAINER [CONTAINER...]`,
  summary,
  aliases: [`container ${verb}`, verb],
  flags: [],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: [`gantry ${verb} web`],
  run: (context) =>
    forEachOperand(context, async (name) => {
      await context.client.text('POST', `/containers/${inPath(name)}/${verb}`);
      return name;
    }),
});

export const pauseCommand = command('pause', 'Pause all processes within one or more containers');
export const unpauseCommand = command('unpause', 'Unpause all processes within one or more containers');
