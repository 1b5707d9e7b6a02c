import { type Command, type CommandContext, ExitError } from '../command.ts';
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
  const { flags, client } = context;
  const query = {
    ...(flags.bool('force') ? { force: true } : {}),
    ...(flags.bool('link') ? { link: true } : {}),
    ...(flags.bool('volumes') ? { v: true } : {}),
  };
  return forEachOperand(context, async (given) => {
    const name = given.replace(/^\/+|\/+$/g, '');
    if (name === '') throw new ExitError(1, 'Container name cannot be empty');
    await client.text('DELETE', `/containers/${inPath(name)}`, { query });
    return name;
  });
}
