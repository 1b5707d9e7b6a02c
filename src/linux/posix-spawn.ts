import { closeSync, constants, openSync } from 'node:fs';
import { errnoError } from '#/base/errors.ts';
import { declareSyscall, errnoName, ownFd } from './ffi.ts';

type Strings = readonly (string | null)[];

const posixSpawn = declareSyscall<[Uint8Array, string, Uint8Array, Uint8Array, Strings, Strings]>(
  'int posix_spawn(void *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
);
const initActions = declareSyscall<[Uint8Array]>('int posix_spawn_file_actions_init(void *actions)');
const destroyActions = declareSyscall<[Uint8Array]>('int posix_spawn_file_actions_destroy(void *actions)');
const addDup2 = declareSyscall<[Uint8Array, number, number]>(
  'int posix_spawn_file_actions_adddup2(void *actions, int fd, int as)',
);
const addChdir = declareSyscall<[Uint8Array, string]>(
  'int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)',
);
const initAttributes = declareSyscall<[Uint8Array]>('int posix_spawnattr_init(void *attributes)');
const setFlags = declareSyscall<[Uint8Array, number]>('int posix_spawnattr_setflags(void *attributes, short flags)');
const setDefaultSignals = declareSyscall<[Uint8Array, Uint8Array]>(
  'int posix_spawnattr_setsigdefault(void *attributes, const void *signals)',
);
const setSignalMask = declareSyscall<[Uint8Array, Uint8Array]>(
  'int posix_spawnattr_setsigmask(void *attributes, const void *signals)',
);
const waitpid = declareSyscall<[number, Uint8Array, number]>('int waitpid(int pid, void *status, int options)');
const duplicate = declareSyscall<[number, number, number]>('int fcntl(int fd, int command, int argument)');

// <spawn.h>: the same in glibc and musl.
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
/** Larger than either library's opaque structures, on every architecture. */
const OPAQUE_BYTES = 1024;
const SIGNAL_SET_BYTES = 128;
const WNOHANG = 1;
const F_DUPFD_CLOEXEC = 1030;

export interface SpawnRequest {
  /** Of the program; not searched for. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program's descriptors 0, 1, 2, …: open ones of ours, undefined for /dev/null. */
  readonly fds: readonly (number | undefined)[];
  readonly cwd: string | undefined;
  /** In a session of its own. */
  readonly newSession: boolean;
}

/**
 * Starts a program by posix_spawn(3) and returns its pid, which the caller must collect with `collectExit`. Node's own
 * spawn copies the page tables of the whole engine and waits for it on the event loop (5 to 14 ms for an engine of 120 to
 * 180 MB, where this takes 0.3). Throws with the errno of what failed.
 */
export function posixSpawnProgram(request: SpawnRequest): number {
  const attempted = `start ${request.path}`;
  const actions = Buffer.alloc(OPAQUE_BYTES);
  initActions.attempt(actions);
  const held: Disposable[] = [];
  try {
    for (const [as, fd] of request.fds.entries()) {
      // Moved out of the way first: a descriptor that is to become 1 must not overwrite the one that is to become 0.
      const source = fd ?? openSync('/dev/null', constants.O_RDWR);
      const moved = ownFd(duplicate.call(attempted, source, F_DUPFD_CLOEXEC, 64));
      if (fd === undefined) closeSync(source);
      held.push(moved);
      addDup2.attempt(actions, moved.fd, as);
    }
    if (request.cwd !== undefined) addChdir.attempt(actions, request.cwd);
    return spawnWith(request, actions, attempted);
  } finally {
    for (const fd of held) fd[Symbol.dispose]();
    destroyActions.attempt(actions);
  }
}

function spawnWith({ path, argv, env, newSession }: SpawnRequest, actions: Buffer, attempted: string): number {
  const attributes = Buffer.alloc(OPAQUE_BYTES);
  initAttributes.attempt(attributes);
  setFlags.attempt(attributes, SETSIGDEF | SETSIGMASK | (newSession ? SETSID : 0));
  // Node ignores SIGPIPE and may block others; a program expects neither.
  setDefaultSignals.attempt(attributes, Buffer.alloc(SIGNAL_SET_BYTES, 0xff));
  setSignalMask.attempt(attributes, Buffer.alloc(SIGNAL_SET_BYTES));
  const pid = new Int32Array(1);
  const environment = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const { value: errno } = posixSpawn.attempt(
    new Uint8Array(pid.buffer),
    path,
    actions,
    attributes,
    [...argv, null],
    [...environment, null],
  );
  if (errno !== 0) throw errnoError(attempted, errnoName(errno));
  return pid[0] ?? 0;
}

/** How a program that `posixSpawnProgram` started has ended; undefined while it runs. To be called until it says. */
export function collectExit(pid: number): { readonly code: number; readonly signal: number } | undefined {
  const status = new Int32Array(1);
  const { value } = waitpid.attempt(pid, new Uint8Array(status.buffer), WNOHANG);
  if (value === 0) return undefined;
  const [word = 0] = status;
  const signal = word & 0x7f;
  return { code: signal === 0 ? (word >> 8) & 0xff : 128 + signal, signal };
}
