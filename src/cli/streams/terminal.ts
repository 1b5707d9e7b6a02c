import type { DockerClient } from '#/client/client.ts';
import { type CommandIo, ExitError } from '../command.ts';

/** Docker's refusal of `-it` where our input is no terminal. */
export function checkTerminal(io: CommandIo, attachesStdin: boolean, tty: boolean): void {
  if (attachesStdin && tty && !io.stdin.isTTY) throw new ExitError(1, 'the input device is not a TTY');
}

/** Rows, then columns, of our terminal; zeros where there is none. */
export const consoleSize = ({ stdout }: CommandIo): [number, number] =>
  stdout.isTTY ? [stdout.rows, stdout.columns] : [0, 0];

/** Gives the other terminal (`/containers/x/resize`, `/exec/x/resize`) the size of ours, now and whenever it changes. */
export function followTerminalSize(client: DockerClient, path: string, io: CommandIo): void {
  if (!io.stdout.isTTY) return;
  const resize = (): void => {
    const [h, w] = consoleSize(io);
    // The process may be gone, or not be there yet: the next change or the end settles it.
    client.text('POST', path, { query: { h, w } }).catch(() => undefined);
  };
  io.stdout.on('resize', resize);
  resize();
}

/** The same for a program that is running already: a change of size makes it draw its screen anew, for us to see. */
export async function redrawInSize(client: DockerClient, path: string, io: CommandIo): Promise<void> {
  if (!io.stdout.isTTY) return;
  const [h, w] = consoleSize(io);
  await client.text('POST', path, { query: { h: h + 1, w: w + 1 } }).catch(() => undefined);
  followTerminalSize(client, path, io);
}
