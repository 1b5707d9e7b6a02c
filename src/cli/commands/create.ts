import { type Command, type CommandContext, ExitError } from '../command.ts';
import { createContainer } from '../run/create-container.ts';
import { createRequestOf } from '../run/create-request.ts';
import { CREATE_FLAGS } from '../run/run-flags.ts';

/** Creates a container without starting it, and prints its id. */
export const createCommand: Command = {
  usage: 'create [OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Create a new container',
  aliases: ['container create', 'create'],
  flags: CREATE_FLAGS,
  operands: [1, Number.POSITIVE_INFINITY],
  interspersed: false,
  examples: ['gantry create --name web my/web', 'gantry start $(gantry create my/job)'],
  run: createOnly,
};

async function createOnly(context: CommandContext): Promise<undefined> {
  const { flags, operands, io } = context;
  const id = await createContainer(context, requestOf());
  io.stdout.write(`${id}\n`);

  function requestOf(): ReturnType<typeof createRequestOf> {
    try {
      return createRequestOf(flags, operands, io);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ExitError(125, `gantry: ${reason}\n\nRun 'gantry create --help' for more information`);
    }
  }
}
