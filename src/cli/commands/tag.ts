import { parseReference } from '#/spec/distribution/reference.ts';
import { type Command, ExitError } from '../command.ts';

/** Gives an image another name. */
export const tagCommand: Command = {
  usage: 'tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  aliases: ['image tag', 'tag'],
  flags: [],
  operands: [2, 2],
  examples: ['gantry tag my/app:latest my/app:1.4'],
  run: async ({ operands, client }) => {
    const [source = '', target = ''] = operands;
    const { domain, path, tag } = parseTarget(target);
    await client.text('POST', `/images/${encodeURI(source)}/tag`, {
      query: { repo: `${domain}/${path}`, tag: tag ?? 'latest' },
    });
    return 0;
  },
};

function parseTarget(text: string): ReturnType<typeof parseReference> {
  try {
    return parseReference(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExitError(1, `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${reason}`);
  }
}
