import type { ContainerWaitResponse } from '#/spec/docker-api/container.ts';
import type { Command } from '../command.ts';
import { forEachOperand, inPath } from './each.ts';

/** Waits for the end of containers and prints their exit codes. */
export const waitCommand: Command = {
  usage: 'wait CONTAINER [CONTAINER...]',
  summary: 'Block until one or more containers stop, then print their exit codes',
  aliases: ['container wait', 'wait'],
  flags: [],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry wait job'],
  run: (context) =>
    forEachOperand(context, async (name) => {
      const path = `/containers/${inPath(name)}/wait`;
      const { StatusCode } = await context.client.json<ContainerWaitResponse>('POST', path);
      return String(StatusCode);
    }),
};
