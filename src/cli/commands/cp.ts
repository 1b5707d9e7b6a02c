import { type Command, type CommandContext, ExitError } from '../command.ts';
import { fetchFromContainer, findContainerTarget, sendToContainer } from '../copy/container-path.ts';
import { checkOutput, findLocalSource, findLocalTarget, resolveLocal } from '../copy/local-path.ts';
import { packTree } from '../copy/pack.ts';
import { planCopy } from '../copy/plan-copy.ts';
import { unpackTree } from '../copy/unpack.ts';
import { printSize } from '../format/human.ts';

/** Copies files between a container, running or not, and this machine. */
export const cpCommand: Command = {
  usage: 'cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tgantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  summary: `Copy files/folders between a container and the local filesystem

Use '-' as the source to read a tar archive from stdin
and extract it to a directory destination in a container.
Use '-' as the destination to stream a tar archive of a
container source to stdout.`,
  aliases: ['container cp', 'cp'],
  flags: [
    { name: 'archive', short: 'a', kind: 'bool', help: 'Archive mode (copy all uid/gid information)' },
    { name: 'follow-link', short: 'L', kind: 'bool', help: 'Always follow symbol link in SRC_PATH' },
    {
      name: 'quiet',
      short: 'q',
      kind: 'bool',
      help: 'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
    },
  ],
  operands: [2, 2],
  examples: [
    'gantry cp web:/etc/nginx/nginx.conf .',
    'gantry cp site/. web:/srv/www',
    'gantry cp web:/var/log - | tar t',
  ],
  run: copy,
};

async function copy(context: CommandContext): Promise<number> {
  const [source, target] = context.operands.map(parsePlace) as [Place, Place];
  if (source.path === '' && source.container === '') throw new ExitError(1, 'source can not be empty');
  if (target.path === '' && target.container === '') throw new ExitError(1, 'destination can not be empty');
  if (source.container !== '' && target.container !== '') {
    throw new ExitError(1, 'copying between containers is not supported');
  }
  if (source.container !== '') await copyFrom(context, source, target.path);
  else if (target.container !== '') await copyTo(context, source.path, target);
  else throw new ExitError(1, 'must specify at least one container source');
  return 0;
}

interface Place {
  /** '' means this machine. */
  readonly container: string;
  readonly path: string;
}

/** `container:path`; what begins with `/` or `.` is a path of this machine, colons and all. */
function parsePlace(text: string): Place {
  const colon = text.indexOf(':');
  if (colon < 0 || text.startsWith('/') || text.startsWith('.')) return { container: '', path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

async function copyFrom(context: CommandContext, { container, path }: Place, written: string): Promise<void> {
  const { flags, client, io } = context;
  const local = written === '-' ? written : resolveLocal(written);
  if (local !== '-') checkOutput(local);
  const { source, body } = await fetchFromContainer(client, container, path, flags.bool('follow-link'));
  if (local === '-') {
    for await (const chunk of body) if (!io.stdout.write(chunk)) await drained(io.stdout);
    return;
  }
  const plan = planCopy(source, findLocalTarget(local));
  const counter = new ByteCounter(body);
  await unpackTree(counter, {
    ...plan,
    sourceName: source.askedName === undefined ? plan.sourceName : nameIn(source.path),
    onSkip: (name) => io.stderr.write(`gantry cp: ${name} is a device or a pipe: left out\n`),
  });
  report(context, counter.bytes, local);
}

/** The name that the daemon gives to what it archives. */
const nameIn = (path: string): string => path.split('/').findLast((part) => part !== '') ?? '/';

async function copyTo(context: CommandContext, written: string, { container, path }: Place): Promise<void> {
  const { flags, client, io } = context;
  const target = await findContainerTarget(client, container, path);
  const keepsOwners = flags.bool('archive');
  if (written === '-') {
    if (target.kind !== 'directory') {
      throw new ExitError(1, `destination "${container}:${path}" must be a directory`);
    }
    return sendToContainer(client, container, target.path, io.stdin, keepsOwners);
  }
  const source = findLocalSource(resolveLocal(written), flags.bool('follow-link'));
  const plan = planCopy(source, target);
  const counter = new ByteCounter(packTree(source.path, plan.name));
  await sendToContainer(client, container, plan.directory, counter, keepsOwners);
  report(context, counter.bytes, `${container}:${target.path}`);
}

function report({ flags, io }: CommandContext, bytes: number, place: string): void {
  if (flags.bool('quiet') || !io.stderr.isTTY) return;
  io.stderr.write(`Successfully copied ${printSize(bytes)} to ${place}\n`);
}

const drained = (stream: NodeJS.WriteStream): Promise<void> => new Promise((resolve) => stream.once('drain', resolve));

/** Passes bytes on and counts them. */
class ByteCounter {
  bytes = 0;
  readonly #source: AsyncIterable<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of this.#source) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}
