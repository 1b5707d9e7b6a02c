import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Command, type CommandContext, ExitError } from '../command.ts';

/** Writes images into an archive that `load` reads. */
export const saveCommand: Command = {
  usage: 'save [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  aliases: ['image save', 'save'],
  flags: [
    { name: 'output', short: 'o', kind: 'value', help: 'Write to a file, instead of STDOUT' },
    { name: 'platform', kind: 'list', help: 'Save only the given platform(s)', hidden: true },
  ],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry save -o app.tar my/app:1.4', 'gantry save my/app | zstd > app.tar.zst'],
  run: saveImages,
};

async function saveImages({ flags, operands, client, io }: CommandContext): Promise<undefined> {
  const file = flags.text('output') ?? '';
  if (file === '' && io.stdout.isTTY) {
    throw new ExitError(1, 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
  }
  if (file !== '') checkTarget(file);
  const answer = await client.request('GET', '/images/get', { query: { names: operands } });
  if (file === '') await pipeline(answer.body, io.stdout, { end: false });
  else await writeWhole(answer.body, file);
}

function checkTarget(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new ExitError(1, 'failed to save image: cannot write to a directory');
}

/** The file appears whole or not at all; what is no regular file (a fifo, /dev/null) is written directly. */
async function writeWhole(body: AsyncIterable<Buffer>, file: string): Promise<void> {
  const isPlain = statSync(file, { throwIfNoEntry: false })?.isFile() ?? true;
  if (!isPlain) return pipeline(body, createWriteStream(file));
  const temporary = `${file}.gantry-${process.pid}`;
  try {
    await pipeline(body, createWriteStream(temporary, { flags: 'wx' }));
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : String(error);
    throw new ExitError(1, `failed to save image: ${file}: ${reason}`);
  }
}
