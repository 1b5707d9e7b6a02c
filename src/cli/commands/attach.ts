import type { ContainerInspectResponse, ContainerWaitResponse } from '#/spec/docker-api/container.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { attachStreams } from '../streams/attach.ts';
import { forwardSignals } from '../streams/signals.ts';
import { checkTerminal, redrawInSize } from '../streams/terminal.ts';
import { inPath } from './each.ts';

/** Joins our streams with those of a running container. */
export const attachCommand: Command = {
  usage: 'attach [OPTIONS] CONTAINER',
  summary: 'Attach local standard input, output, and error streams to a running container',
  aliases: ['container attach', 'attach'],
  flags: [
    { name: 'detach-keys', kind: 'value', help: 'Override the key sequence for detaching a container' },
    { name: 'no-stdin', kind: 'bool', help: 'Do not attach STDIN' },
    { name: 'sig-proxy', kind: 'bool', help: 'Proxy all received signals to the process', fallback: 'true' },
  ],
  operands: [1, 1],
  examples: ['gantry attach shell', 'gantry attach --no-stdin web'],
  run: attachToContainer,
};

async function attachToContainer({ flags, operands, client, io }: CommandContext): Promise<number> {
  const path = `/containers/${inPath(operands[0] ?? '')}`;
  const container = await client.json<ContainerInspectResponse>('GET', `${path}/json`);
  checkAttachable(container);
  const tty = container.Config.Tty === true;
  const stdin = !flags.bool('no-stdin') && container.Config.OpenStdin === true;
  checkTerminal(io, !flags.bool('no-stdin'), tty);
  using _signals = flags.bool('sig-proxy', true) && !tty ? forwardSignals(client, () => container.Id, tty) : undefined;
  const exit = client.json<ContainerWaitResponse>('POST', `/containers/${container.Id}/wait`);
  exit.catch(() => undefined);
  const detachKeys = flags.text('detach-keys');
  const wire = await client.upgrade(`/containers/${container.Id}/attach`, {
    query: { stream: true, stdin, stdout: true, stderr: true, detachKeys },
  });
  if (tty) await redrawInSize(client, `/containers/${container.Id}/resize`, io);
  const end = await attachStreams(wire, { io, stdin, stdout: true, stderr: true, tty, detachKeys });
  if (end === 'detached') throw new ExitError(1, 'read escape sequence');
  const { StatusCode, Error: failure } = await exit;
  if (failure?.Message) throw new ExitError(1, failure.Message);
  return StatusCode;
}

function checkAttachable({ State }: ContainerInspectResponse): void {
  if (!State.Running) throw new ExitError(1, 'You cannot attach to a stopped container, start it first');
  if (State.Paused) throw new ExitError(1, 'You cannot attach to a paused container, unpause it first');
  if (State.Restarting) throw new ExitError(1, 'You cannot attach to a restarting container, wait until it is running');
}
