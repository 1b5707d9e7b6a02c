import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { EngineError, errnoError } from '#/base/errors.ts';

type Argument = number | bigint | string | Uint8Array | null | readonly (string | null)[];

/**
 * One libc function that answers -1 and sets errno on failure. `attempted` says what is being done, for the error's
 * message. 64-bit results are numbers as long as they are safe integers.
 */
export interface Syscall<A extends readonly Argument[]> {
  /** Runs it on this thread; throws an EngineError that carries the errno. */
  call(attempted: string, ...args: A): number;
  /** Runs it on this thread; failure is a value, `errno` its name and undefined on success. */
  attempt(...args: A): { readonly value: number; readonly errno: string | undefined };
  /** Runs it on koffi's thread pool, for calls that can sleep. Buffers must stay untouched until it is done. */
  callAsync(attempted: string, ...args: A): Promise<number>;
}

type NativeFunction = {
  (...args: readonly Argument[]): unknown;
  async(...args: readonly unknown[]): void;
};

interface Native {
  readonly function: NativeFunction;
  readonly errno: () => number;
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, value]) => [value, name]),
);
// Names that node:os leaves out and that mount, cgroup or netlink calls do return.
const FURTHER_ERRNO_NAMES: Readonly<Record<number, string>> = {
  16: 'EBUSY',
  26: 'ETXTBSY',
  40: 'ELOOP',
  116: 'ESTALE',
  117: 'EUCLEAN',
  122: 'EDQUOT',
  129: 'EKEYREJECTED',
};

/** `2` → `ENOENT`; a number that has no name here becomes `errno 1234`. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(Math.abs(errno)) ?? FURTHER_ERRNO_NAMES[Math.abs(errno)] ?? `errno ${Math.abs(errno)}`;
}

function loadKoffi(): typeof import('koffi').default {
  try {
    return createRequire(import.meta.url)('koffi');
  } catch (cause) {
    throw new EngineError('unavailable', 'cannot make system calls: the npm package koffi does not load', { cause });
  }
}

/** Where the bytes lie, for structs that point to others. Good for as long as the caller holds on to them. */
export const addressOf = (bytes: Uint8Array): bigint => loadKoffi().address(bytes);

function load(prototype: string): Native {
  const koffi = loadKoffi();
  // The running program's own symbols: the C library that Node itself uses, glibc or musl.
  const native = koffi.load(null).func(prototype);
  return { function: native as NativeFunction, errno: () => koffi.errno() };
}

/**
 * Declares a libc function by its C prototype. koffi is loaded, and the function looked up, at the first call, once a
 * thread, so that importing costs nothing. The binding that the returned closure keeps is the one exception to "no
 * module-level mutable state": it is a cache of an immutable fact and holds nothing of the engine's.
 */
export function declareSyscall<A extends readonly Argument[]>(prototype: string): Syscall<A> {
  let bound: Native | undefined;
  const native = (): Native => {
    bound ??= load(prototype);
    return bound;
  };
  const attempt = (...args: A) => {
    const { function: run, errno } = native();
    const value = Number(run(...args));
    // Any other call on this thread, also one inside Node, overwrites errno: read it here or never.
    return { value, errno: value === -1 ? errnoName(errno()) : undefined };
  };
  return {
    attempt,
    call(attempted, ...args) {
      const { value, errno } = attempt(...args);
      if (errno !== undefined) throw errnoError(attempted, errno);
      return value;
    },
    callAsync(attempted, ...args) {
      const { function: run, errno } = native();
      return new Promise((resolve, reject) => {
        run.async(...args, (error: unknown, result: unknown) => {
          const failure = Number(result) === -1 ? errnoName(errno()) : undefined;
          if (error) reject(error);
          else if (failure !== undefined) reject(errnoError(attempted, failure));
          else resolve(Number(result));
        });
      });
    },
  };
}

const closeFd = declareSyscall<[number]>('int close(int fd)');

/** A raw file descriptor that is closed at the end of the scope (`using`), or by whoever took it with `release`. */
export interface OwnedFd extends Disposable {
  readonly fd: number;
  /** Hands the descriptor over: from now on the caller closes it. */
  release(): number;
}

export function ownFd(fd: number): OwnedFd {
  let owned = true;
  return {
    fd,
    release() {
      owned = false;
      return fd;
    },
    [Symbol.dispose]() {
      if (owned) closeFd.attempt(fd);
      owned = false;
    },
  };
}
