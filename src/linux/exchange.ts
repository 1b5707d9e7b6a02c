import { arch } from 'node:os';
import { EngineError } from '#/base/errors.ts';
import { declareSyscall } from './ffi.ts';

const SYS_RENAMEAT2: Readonly<Record<string, number>> = { x64: 316, arm64: 276 };
const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

// musl has no wrapper.
const renameat2 = declareSyscall<[number, number, string, number, string, number]>(
  'long syscall(long number, int fromDirectory, const char *from, int toDirectory, const char *to, uint flags)',
);

/** Gives two files or directories of one file system each other's names, at once: nobody ever finds one of them missing. */
export function exchangePaths(one: string, other: string): void {
  const number = SYS_RENAMEAT2[arch()];
  if (number === undefined) throw new EngineError('not-implemented', `exchange two paths: not known on ${arch()}`);
  renameat2.call(`exchange ${one} and ${other}`, number, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}
