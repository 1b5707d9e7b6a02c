import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  rmSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import { pathOfOpen } from '#/linux/place.ts';

/** What fits into a `struct sockaddr_un`, so that others can connect. */
const UNIX_PATH_BYTES_MAX = 107;
const DEFAULT_MODE = 0o660;
const STAGE_MODE = 0o700;

/** A unix socket on its way to its place: listened on at `path`, where only root can come, then shown to everybody. */
export interface StagedPath {
  readonly path: string;
  /** Gives the socket its mode and its place. Throws conflict where something stands there meanwhile. */
  publish(): void;
  /** Takes away what is ours, after the listener has closed; once. */
  remove(): void;
}

/** Throws conflict for anything at `path` that is not a socket on which nobody listens. */
export async function stageUnixPath(path: string, mode = DEFAULT_MODE): Promise<StagedPath> {
  const attempted = `listen on the unix socket ${path}`;
  checkPath(path, attempted);
  const stale = await findStale(path, attempted);
  // Named after the socket, so that the next engine finds what a killed one left.
  const stage = join(dirname(path), `.${basename(path)}.gantry`);
  const stageFd = openStage(stage, attempted);
  // Short, however long the directory's path is. Node takes it away when the listener closes, so the descriptor stays until then.
  const staged = join(pathOfOpen(stageFd), 'socket');
  let own: Stats | undefined;
  return {
    path: staged,
    publish() {
      chmodSync(staged, mode);
      if (stale !== undefined && isSame(findStat(path), stale)) unlinkSync(path);
      place(staged, path, attempted);
      own = lstatSync(path);
      rmSync(staged, { force: true });
      dropStage(stage);
    },
    remove() {
      rmSync(staged, { force: true });
      closeSync(stageFd);
      dropStage(stage);
      if (own !== undefined && isSame(findStat(path), own)) rmSync(path, { force: true });
    },
  };
}

function checkPath(path: string, attempted: string): void {
  if (!isAbsolute(path) || path.endsWith('/') || path.includes('\0')) {
    throw new EngineError('invalid-argument', `${attempted}: an absolute path of a file expected`);
  }
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) {
    throw new EngineError(
      'invalid-argument',
      `${attempted}: it is ${Buffer.byteLength(path)} bytes long, a unix socket's path at most ${UNIX_PATH_BYTES_MAX}`,
    );
  }
}

async function findStale(path: string, attempted: string): Promise<Stats | undefined> {
  const found = findStat(path);
  if (found === undefined) return undefined;
  if (!found.isSocket()) throw inUse(`${attempted}: something that is not a socket stands there`);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (error) {
    if (errnoOf(error) === 'ECONNREFUSED') return found;
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw toEngineError(error, attempted);
  } finally {
    socket.destroy();
  }
  throw inUse(`${attempted}: somebody listens there already`);
}

const inUse = (message: string): EngineError => new EngineError('conflict', message, { errno: 'EADDRINUSE' });

function findStat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

const isSame = (found: Stats | undefined, other: Stats): boolean => found?.ino === other.ino && found.dev === other.dev;

/**
 * Returns a descriptor of the directory, new or left by a killed engine, and empty. Whoever owns the directory around it may
 * swap names there at any moment, so it is looked at once it is open, and used by its descriptor alone.
 */
function openStage(stage: string, attempted: string): number {
  try {
    if (findStat(stage) === undefined) mkdirSync(stage, { mode: STAGE_MODE });
    const fd = openSync(stage, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const { uid, mode } = fstatSync(fd);
    if (uid !== process.geteuid?.() || (mode & 0o777) !== STAGE_MODE) {
      closeSync(fd);
      throw inUse(`${attempted}: ${stage} is somebody else's`);
    }
    rmSync(join(pathOfOpen(fd), 'socket'), { force: true });
    return fd;
  } catch (error) {
    throw toEngineError(error, attempted);
  }
}

/** Absence is success. What the directory's owner has put in its place, or into it, is theirs. */
function dropStage(stage: string): void {
  try {
    rmdirSync(stage);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** A link, not a rename, so that nothing that came there meanwhile is ever overwritten. */
function place(staged: string, path: string, attempted: string): void {
  try {
    linkSync(staged, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw inUse(`${attempted}: something came there meanwhile`);
    throw toEngineError(error, attempted);
  }
}
