import { DaemonError } from '#/client/daemon-error.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { describeFailure } from '../failure.ts';
import { forEachOperand, inPath } from './each.ts';

/** Removes containers. */
export const rmCommand: Command = {
  usage: 'rm [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Remove one or more containers',
  aliases: ['container rm', 'container remove', 'rm'],
  flags: [
    { name: 'force', short: 'f', kind: 'bool', help: 'Force the removal of a running container (uses SIGKILL)' },
    { name: 'link', short: 'l', kind: 'bool', help: 'Remove the specified link' },
    { name: 'volumes', short: 'v', kind: 'bool', help: 'Remove anonymous volumes associated with the container' },
  ],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry rm web', 'gantry rm -fv $(gantry ps -aq)'],
  run: removeContainers,
};

function removeContainers(context: CommandContext): Promise<number> {
  const { flags, client, io } = context;
  const force = flags.bool('force');
  const query = {
    ...(force ? { force } : {}),
    ...(flags.bool('link') ? { link: true } : {}),
    ...(flags.bool('volumes') ? { v: true } : {}),
  };
  return forEachOperand(context, async (given) => {
    const name = given.replace(/^\/+|\/+$/g, '');
    if (name === '') throw new ExitError(1, 'Container name cannot be empty');
    try {
      await client.text('DELETE', `/containers/${inPath(name)}`, { query });
      return name;
    } catch (error) {
      // What is gone already was to be gone; docker says so all the same.
      if (!force || !(error instanceof DaemonError) || error.status !== 404) throw error;
      io.stderr.write(`${describeFailure(error)}\n`);
      return undefined;
    }
  });
}
