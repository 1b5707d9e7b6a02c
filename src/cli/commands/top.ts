import type { ContainerTopResponse } from '#/spec/docker-api/container.ts';
import type { Command } from '../command.ts';
import { escapeControls } from '../format/escape.ts';
import { printTable } from '../format/table.ts';
import { inPath } from './each.ts';

const WIDTH_MIN = 20;

/** Shows a container's processes. */
export const topCommand: Command = {
  usage: 'top CONTAINER [ps OPTIONS]',
  summary: 'Display the running processes of a container',
  aliases: ['container top', 'top'],
  flags: [],
  operands: [1, Number.POSITIVE_INFINITY],
  interspersed: false,
  examples: ['gantry top web', 'gantry top web -o pid,rss,args'],
  run: async ({ operands, client, io }) => {
    const [name = '', ...args] = operands;
    const { Titles, Processes } = await client.json<ContainerTopResponse>('GET', `/containers/${inPath(name)}/top`, {
      query: { ps_args: args.length > 0 ? args.join(' ') : undefined },
    });
    io.stdout.write(
      printTable(
        [Titles, ...(Processes ?? [])].map((row) => row.map(escapeControls)),
        WIDTH_MIN,
      ),
    );
    return 0;
  },
};
