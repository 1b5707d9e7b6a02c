import { Socket } from 'node:net';
import { declareSyscall, type OwnedFd, ownFd } from './ffi.ts';

const O_CLOEXEC = 0o2000000;

const pipe2 = declareSyscall<[Uint8Array, number]>('int pipe2(void *fds, int flags)');

/** Disposing closes the ends that nobody has taken over. */
export interface Pipe extends Disposable {
  readonly reader: OwnedFd;
  readonly writer: OwnedFd;
}

/**
 * A pipe(7). What Node gives its children as pipes are sockets, which a program cannot open again through /dev/stdout.
 * Both ends are close-on-exec; wrap our own with `pipeSocket`.
 */
export function openPipe(): Pipe {
  const fds = new Int32Array(2);
  pipe2.call('make a pipe', new Uint8Array(fds.buffer), O_CLOEXEC);
  const [reader = -1, writer = -1] = fds;
  const ends = { reader: ownFd(reader), writer: ownFd(writer) };
  return {
    ...ends,
    [Symbol.dispose]() {
      ends.reader[Symbol.dispose]();
      ends.writer[Symbol.dispose]();
    },
  };
}

/** One end of a pipe as a stream driven by epoll; it takes the descriptor over. */
export function pipeSocket(end: OwnedFd, direction: 'readable' | 'writable'): Socket {
  const fd = end.release();
  return direction === 'readable'
    ? new Socket({ fd, readable: true, writable: false })
    : new Socket({ fd, readable: false, writable: true });
}
