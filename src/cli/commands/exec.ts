import type { ExecCreateRequest, ExecInspectResponse } from '#/spec/docker-api/exec.ts';
import type { IdResponse } from '#/spec/docker-api/system.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { checkEnv } from '../run/checks.ts';
import { environmentOf } from '../run/key-values.ts';
import { attachStreams } from '../streams/attach.ts';
import { checkTerminal, consoleSize, followTerminalSize } from '../streams/terminal.ts';
import { inPath } from './each.ts';

/** Runs another process in a running container and ends as it ends. */
export const execCommand: Command = {
  usage: 'exec [OPTIONS] CONTAINER COMMAND [ARG...]',
  summary: 'Execute a command in a running container',
  aliases: ['container exec', 'exec'],
  flags: [
    { name: 'detach', short: 'd', kind: 'bool', help: 'Detached mode: run command in the background' },
    { name: 'detach-keys', kind: 'value', help: 'Override the key sequence for detaching a container' },
    { name: 'env', short: 'e', kind: 'list', help: 'Set environment variables', check: checkEnv },
    { name: 'env-file', kind: 'list', help: 'Read in a file of environment variables' },
    { name: 'interactive', short: 'i', kind: 'bool', help: 'Keep STDIN open even if not attached' },
    { name: 'privileged', kind: 'bool', help: 'Give extended privileges to the command' },
    { name: 'tty', short: 't', kind: 'bool', help: 'Allocate a pseudo-TTY' },
    { name: 'user', short: 'u', kind: 'value', help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
    { name: 'workdir', short: 'w', kind: 'value', help: 'Working directory inside the container' },
  ],
  operands: [2, Number.POSITIVE_INFINITY],
  interspersed: false,
  examples: ['gantry exec -it web sh', 'gantry exec -u root -w /srv web ls -l', 'tar c . | gantry exec -i web tar x'],
  run: execInContainer,
};

async function execInContainer(context: CommandContext): Promise<number> {
  const { flags, operands, client, io } = context;
  const [container = '', ...Cmd] = operands;
  const isDetached = flags.bool('detach');
  const tty = flags.bool('tty');
  const stdin = flags.bool('interactive') && !isDetached;
  checkTerminal(io, stdin, tty);
  const size = tty ? { ConsoleSize: consoleSize(io) } : {};
  const detachKeys = flags.text('detach-keys');
  const request: ExecCreateRequest = {
    User: flags.text('user') ?? '',
    Privileged: flags.bool('privileged'),
    Tty: tty,
    ...size,
    AttachStdin: stdin,
    AttachStdout: !isDetached,
    AttachStderr: !isDetached,
    DetachKeys: detachKeys ?? '',
    Env: environmentOf(flags.list('env-file'), flags.list('env'), io.env),
    WorkingDir: flags.text('workdir') ?? '',
    Cmd,
  };
  const { Id } = await client.json<IdResponse>('POST', `/containers/${inPath(container)}/exec`, { body: request });
  const path = `/exec/${Id}`;
  if (isDetached) {
    await client.text('POST', `${path}/start`, { body: { Detach: true, Tty: tty, ...size } });
    return 0;
  }
  const wire = await client.upgrade(`${path}/start`, { body: { Detach: false, Tty: tty, ...size } });
  if (tty) followTerminalSize(client, `${path}/resize`, io);
  const end = await attachStreams(wire, { io, stdin, stdout: true, stderr: true, tty, detachKeys });
  if (end === 'detached') throw new ExitError(1, 'read escape sequence');
  const { ExitCode } = await client.json<ExecInspectResponse>('GET', `${path}/json`);
  return ExitCode ?? 0;
}
