import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { EngineError } from '#/engine/index.ts';

export interface SocketAccess {
  /** Name or number; root's group without it. */
  readonly group?: string;
  readonly mode: number;
}

/** A unix socket on its way to its place: listened on at `path`, then shown to everybody at its own. */
export interface StagedSocket {
  /** Where to listen: in a directory that only root can enter. */
  readonly path: string;
  /** Gives the socket its owner and mode and moves it to its place, over a dead one. */
  publish(): void;
  /** Removes it, if it was ours that stood there. */
  remove(): void;
}

/**
 * Prepares to listen on a unix socket so that nobody can connect before its permissions are right.
 * Throws already-exists where somebody listens there, invalid-argument for an unknown group.
 */
export async function stageSocket(path: string, access: SocketAccess): Promise<StagedSocket> {
  const groupId = access.group === undefined ? 0 : groupIdOf(access.group);
  if (await isListening(path)) throw new EngineError('already-exists', `somebody listens on unix://${path} already`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  // Named after the socket, so that the next daemon finds what a killed one left.
  const stage = join(dirname(path), `.${basename(path)}`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { mode: 0o700 });
  const staged = join(stage, basename(path).slice(0, 1));
  let isPublished = false;
  return {
    path: staged,
    publish() {
      chownSync(staged, 0, groupId);
      chmodSync(staged, access.mode);
      renameSync(staged, path);
      rmSync(stage, { recursive: true, force: true });
      isPublished = true;
    },
    remove() {
      rmSync(stage, { recursive: true, force: true });
      if (isPublished) rmSync(path, { force: true });
    },
  };
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function groupIdOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${group}:`));
  const id = Number(line?.split(':')[2]);
  if (line === undefined || !Number.isInteger(id)) {
    throw new EngineError('invalid-argument', `there is no group ${JSON.stringify(group)} for the socket`);
  }
  return id;
}
