import { DaemonError } from '#/client/daemon-error.ts';
import type { ImageDeleteItem } from '#/spec/docker-api/image.ts';
import type { Command, CommandContext } from '../command.ts';
import { describeFailure } from '../failure.ts';

/** Removes names of images, and images that have no name left. */
export const rmiCommand: Command = {
  usage: 'rmi [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Remove one or more images',
  aliases: ['image rm', 'image remove', 'rmi'],
  flags: [
    { name: 'force', short: 'f', kind: 'bool', help: 'Force removal of the image' },
    { name: 'no-prune', kind: 'bool', help: 'Do not delete untagged parents' },
    { name: 'platform', kind: 'list', help: 'Remove only the given platform variant', hidden: true },
  ],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry rmi my/app:old', 'gantry rmi -f $(gantry images -q --filter dangling=true)'],
  run: removeImages,
};

async function removeImages({ flags, operands, client, io }: CommandContext): Promise<number> {
  const force = flags.bool('force');
  const query = { ...(force ? { force } : {}), ...(flags.bool('no-prune') ? { noprune: true } : {}) };
  let isFailed = false;
  for (const name of operands) {
    try {
      const items = await client.json<readonly ImageDeleteItem[]>('DELETE', `/images/${encodeURI(name)}`, { query });
      for (const item of items) {
        io.stdout.write(item.Deleted === undefined ? `Untagged: ${item.Untagged}\n` : `Deleted: ${item.Deleted}\n`);
      }
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      io.stderr.write(`${describeFailure(error)}\n`);
      // What is gone already was to be gone.
      isFailed ||= !(force && error.status === 404);
    }
  }
  return isFailed ? 1 : 0;
}
