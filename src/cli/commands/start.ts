import { DaemonError } from '#/client/daemon-error.ts';
import type { ContainerInspectResponse } from '#/spec/docker-api/container.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { describeFailure } from '../failure.ts';
import { openWait } from '../run/open-wait.ts';
import { attachStreams } from '../streams/attach.ts';
import { forwardSignals } from '../streams/signals.ts';
import { checkTerminal, followTerminalSize } from '../streams/terminal.ts';
import { inPath } from './each.ts';

/** Starts containers that are not running. */
export const startCommand: Command = {
  usage: 'start [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Start one or more stopped containers',
  aliases: ['container start', 'start'],
  flags: [
    { name: 'attach', short: 'a', kind: 'bool', help: 'Attach STDOUT/STDERR and forward signals' },
    { name: 'detach-keys', kind: 'value', help: 'Override the key sequence for detaching a container' },
    { name: 'interactive', short: 'i', kind: 'bool', help: "Attach container's STDIN" },
  ],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: ['gantry start web db', 'gantry start -ai shell'],
  run: (context) =>
    context.flags.bool('attach') || context.flags.bool('interactive') ? startAttached(context) : startAll(context),
};

async function startAll({ operands, client, io }: CommandContext): Promise<number> {
  const failed: string[] = [];
  for (const name of operands) {
    try {
      await client.text('POST', `/containers/${inPath(name)}/start`);
      io.stdout.write(`${name}\n`);
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      io.stderr.write(`${describeFailure(error)}\n`);
      failed.push(name);
    }
  }
  if (failed.length > 0) io.stderr.write(`Error: failed to start containers: ${failed.join(', ')}\n`);
  return failed.length > 0 ? 1 : 0;
}

async function startAttached({ flags, operands, client, io }: CommandContext): Promise<number> {
  if (operands.length > 1) throw new ExitError(1, 'you cannot start and attach multiple containers at once');
  const container = await client.json<ContainerInspectResponse>('GET', `/containers/${inPath(operands[0] ?? '')}/json`);
  const { Id, Config, HostConfig } = container;
  const tty = Config.Tty === true;
  const stdin = flags.bool('interactive') && Config.OpenStdin === true;
  checkTerminal(io, flags.bool('interactive'), tty);
  using _signals = tty ? undefined : forwardSignals(client, () => Id, tty);
  const detachKeys = flags.text('detach-keys');
  const [wire, exit] = await Promise.all([
    client.upgrade(`/containers/${Id}/attach`, {
      query: { stream: true, stdin, stdout: true, stderr: true, detachKeys },
    }),
    openWait(client, Id, HostConfig.AutoRemove ? 'removed' : 'next-exit'),
  ]);
  const attachment = attachStreams(wire, { io, stdin, stdout: true, stderr: true, tty, detachKeys });
  try {
    await client.text('POST', `/containers/${Id}/start`);
  } catch (error) {
    wire.close();
    await attachment;
    throw error;
  }
  if (tty) followTerminalSize(client, `/containers/${Id}/resize`, io);
  return (await attachment) === 'detached' ? 0 : exit.code;
}
