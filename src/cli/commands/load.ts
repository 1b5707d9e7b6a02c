import { createReadStream } from 'node:fs';
import { readJsonLines } from '#/client/json-lines.ts';
import type { ProgressMessage } from '#/spec/docker-api/image.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { showProgress } from '../streams/progress.ts';

/** Brings the images of an archive into the engine. */
export const loadCommand: Command = {
  usage: 'load [OPTIONS]',
  summary: 'Load an image from a tar archive or STDIN',
  aliases: ['image load', 'load'],
  flags: [
    { name: 'input', short: 'i', kind: 'value', help: 'Read from tar archive file, instead of STDIN' },
    { name: 'platform', kind: 'list', help: 'Load only the given platform(s)', hidden: true },
    { name: 'quiet', short: 'q', kind: 'bool', help: 'Suppress the load output' },
  ],
  operands: [0, 0],
  examples: ['gantry load -i app.tar.zst', 'gzip -dc app.tar.gz | gantry load'],
  run: loadImages,
};

async function loadImages({ flags, client, io }: CommandContext): Promise<undefined> {
  const file = flags.text('input');
  if (file === undefined && io.stdin.isTTY) {
    throw new ExitError(1, 'requested load from stdin, but stdin is empty');
  }
  const upload = file === undefined ? io.stdin : await openArchive(file);
  const quiet = flags.bool('quiet') || !io.stdout.isTTY;
  const answer = await client.request('POST', '/images/load', {
    query: { quiet },
    upload,
    headers: { 'Content-Type': 'application/x-tar' },
  });
  if (answer.headers.get('content-type')?.startsWith('application/json')) {
    await showProgress(readJsonLines<ProgressMessage>(answer.body), io.stdout);
  } else for await (const chunk of answer.body) io.stdout.write(chunk);
}

async function openArchive(path: string): Promise<AsyncIterable<Uint8Array>> {
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ExitError(1, error.code === 'ENOENT' ? `open ${path}: no such file or directory` : error.message)),
    );
  });
  return stream;
}
