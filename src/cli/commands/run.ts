import { type Command, type CommandContext, ExitError } from '../command.ts';
import { createContainer } from '../run/create-container.ts';
import { attachedStreams, createRequestOf } from '../run/create-request.ts';
import { openWait } from '../run/open-wait.ts';
import { RUN_FLAGS } from '../run/run-flags.ts';
import { attachStreams } from '../streams/attach.ts';
import { forwardSignals } from '../streams/signals.ts';
import { checkTerminal, followTerminalSize } from '../streams/terminal.ts';

/** Creates a container, attaches to it, starts it and ends as it ends. */
export const runCommand: Command = {
  usage: 'run [OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Create and run a new container from an image',
  aliases: ['container run', 'run'],
  flags: RUN_FLAGS,
  operands: [1, Number.POSITIVE_INFINITY],
  interspersed: false,
  examples: [
    'gantry run --rm gantry.local/busybox echo hello',
    'gantry run -it --rm gantry.local/debian:trixie bash',
    'gantry run -d --name web -p 8080:80 --memory 256m my/web',
    'gantry run --rm -v "$PWD:/src" -w /src -e CI=1 my/tools make test',
  ],
  run: runContainer,
};

async function runContainer(context: CommandContext): Promise<number> {
  const { flags, io } = context;
  const isDetached = flags.bool('detach');
  if (isDetached && flags.has('attach')) {
    throw new ExitError(1, 'conflicting options: cannot specify both --attach and --detach');
  }
  const attached = attachedStreams(flags);
  if (!isDetached) checkTerminal(io, attached.stdin, flags.bool('tty'));
  const id = await orFail(create(context), 125);
  return isDetached ? runDetached(context, id) : runAttached(context, id);
}

async function create(context: CommandContext): Promise<string> {
  return createContainer(context, createRequestOf(context.flags, context.operands, context.io));
}

async function runDetached({ client, io }: CommandContext, id: string): Promise<number> {
  await orFail(client.text('POST', `/containers/${id}/start`));
  io.stdout.write(`${id}\n`);
  return 0;
}

async function runAttached(context: CommandContext, id: string): Promise<number> {
  const { flags, client, io } = context;
  const tty = flags.bool('tty');
  const removes = flags.bool('rm');
  const streams = attachedStreams(flags);
  const attaches = streams.stdin || streams.stdout || streams.stderr;
  using _signals = flags.bool('sig-proxy', true) ? forwardSignals(client, () => id, tty) : undefined;
  const detachKeys = flags.text('detach-keys');
  const [wire, exit] = await Promise.all([
    attaches
      ? client.upgrade(`/containers/${id}/attach`, { query: { stream: true, ...streams, detachKeys } })
      : undefined,
    openWait(client, id, removes ? 'removed' : 'next-exit'),
  ]);
  const attachment = wire && attachStreams(wire, { io, ...streams, tty, detachKeys });
  try {
    await client.text('POST', `/containers/${id}/start`);
  } catch (error) {
    wire?.close();
    await attachment;
    if (removes) await exit.code.catch(() => undefined);
    return orFail(Promise.reject(error));
  }
  if (tty && streams.stdout) followTerminalSize(client, `/containers/${id}/resize`, io);
  if (attachment === undefined) {
    io.stdout.write(`${id}\n`);
    return 0;
  }
  if ((await attachment) === 'detached') return 0;
  return exit.code;
}

/** A failure of `run` in docker's form, with the exit status that says whether the command was the reason. */
async function orFail<T>(action: Promise<T>, exitCode?: number): Promise<T> {
  try {
    return await action;
  } catch (error) {
    if (error instanceof ExitError) throw error;
    const { NoDaemonError } = await import('#/client/daemon-error.ts');
    const { describeFailure } = await import('../failure.ts');
    const text = describeFailure(error);
    const hint = error instanceof NoDaemonError ? '' : "\n\nRun 'gantry run --help' for more information";
    throw new ExitError(exitCode ?? startExitCode(text), `gantry: ${text}${hint}`);
  }
}

/** 127 for a command that is not there, 126 for one that cannot be run, 125 for all other reasons. */
export function startExitCode(message: string): number {
  if (/executable file not found|no such file or directory|system cannot find the file/.test(message)) return 127;
  if (/permission denied|is a directory/.test(message)) return 126;
  return 125;
}
