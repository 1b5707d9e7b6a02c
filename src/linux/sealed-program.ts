import { readFileSync } from 'node:fs';
import { declareSyscall, ownFd } from './ffi.ts';

const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
/** Linux 6.3 and later; before, every memfd may be executed. */
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, SHRINK, GROW and WRITE. */
const ALL_SEALS = 0xf;

const memfdCreate = declareSyscall<[string, number]>('int memfd_create(const char *name, unsigned int flags)');
const write = declareSyscall<[number, Uint8Array, number]>('long write(int fd, const void *data, size_t size)');
const addSeals = declareSyscall<[number, number, number]>('int fcntl(int fd, int command, int argument)');
const chmod = declareSyscall<[number, number]>('int fchmod(int fd, unsigned int mode)');

/** A copy of a program in memory that nobody can change, not even root; it is gone when disposed, or when this process ends. */
export interface SealedProgram extends Disposable {
  /** For this process and its children to execute. */
  readonly path: string;
}

/**
 * Makes such a copy. A container that reaches the program through /proc/self/exe cannot overwrite it, so runtimes that
 * copy themselves at every start for that reason (crun, runc: CVE-2019-5736) see the seals and save the copy and its exec.
 */
export function sealProgram(programPath: string): SealedProgram {
  const content = readFileSync(programPath);
  const attempted = `copy ${programPath} into memory`;
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const created = memfdCreate.attempt(programPath, flags | MFD_EXEC);
  using copy = ownFd(created.errno === undefined ? created.value : memfdCreate.call(attempted, programPath, flags));
  for (let rest = content; rest.length > 0; ) {
    rest = rest.subarray(write.call(attempted, copy.fd, rest, rest.length));
  }
  chmod.call(attempted, copy.fd, 0o755);
  addSeals.call(attempted, copy.fd, F_ADD_SEALS, ALL_SEALS);
  const sealed = ownFd(copy.release());
  return { path: `/proc/${process.pid}/fd/${sealed.fd}`, [Symbol.dispose]: () => sealed[Symbol.dispose]() };
}
