import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { createServer, Socket, type SocketConstructorOpts } from 'node:net';
import { basename, dirname } from 'node:path';
import { errnoError, toEngineError } from '#/base/errors.ts';
import { declareSyscall, errnoName, ownFd } from './ffi.ts';
import { AF_UNIX, openSocket, SOCK_NONBLOCK, SOCK_SEQPACKET } from './socket.ts';

const SOCKADDR_UN_PATH_OFFSET = 2;

const connect = declareSyscall<[number, Uint8Array, number]>('int connect(int fd, const void *address, uint32_t size)');

/** libuv's pipe handle; Node exports no way to make one. */
interface PipeHandle {
  open(fd: number): number;
}
type PipeHandleClass = new (type: number) => PipeHandle;
const PIPE_SOCKET = 0;

/**
 * Connects to a SOCK_SEQPACKET unix socket; the path may be of any length. Each 'data' event is one packet. The socket
 * is half-open: `end()` shuts our side only. Await every write before the next, with at most 32 KiB: queued writes
 * merge into one packet, and larger ones are cut. Throws not-found, or unavailable where nobody listens.
 */
export function connectSeqpacket(path: string): Socket {
  const attempted = `connect to ${path}`;
  using directory = ownFd(openDirectory(dirname(path), attempted));
  using fd = openSocket(attempted, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
  // An address holds 107 bytes of path; through /proc any directory is short.
  const address = unixAddress(`/proc/self/fd/${directory.fd}/${basename(path)}`);
  connect.call(attempted, fd.fd, address, address.length);
  return adoptSocket(fd.release());
}

function openDirectory(path: string, attempted: string): number {
  try {
    return openSync(path, constants.O_DIRECTORY | constants.O_RDONLY);
  } catch (error) {
    throw toEngineError(error, attempted);
  }
}

function unixAddress(path: string): Uint8Array {
  const address = Buffer.alloc(SOCKADDR_UN_PATH_OFFSET + Buffer.byteLength(path) + 1);
  new DataView(address.buffer, address.byteOffset).setUint16(0, AF_UNIX, true);
  address.write(path, SOCKADDR_UN_PATH_OFFSET);
  return address;
}

function newPipeHandle(): PipeHandle {
  const server = createServer().listen(`\0gantry-${randomUUID()}`);
  try {
    const { _handle } = server as unknown as { readonly _handle: { readonly constructor: PipeHandleClass } };
    return new _handle.constructor(PIPE_SOCKET);
  } finally {
    server.close();
  }
}

/**
 * A socket of packets as a stream: each 'data' event is one. Takes the descriptor over.
 * `new net.Socket({ fd })` refuses anything that is not a stream, but libuv's pipe handle does not look: hand it one that
 * holds our descriptor. Its class is reached through a listening unix socket (an abstract one, closed at once).
 */
export function adoptSocket(fd: number): Socket {
  const handle = newPipeHandle();
  const failure = handle.open(fd);
  if (failure !== 0) {
    closeSync(fd);
    throw errnoError('adopt a socket of packets', errnoName(failure));
  }
  const options = { handle, allowHalfOpen: true, readable: true, writable: true };
  // The types leave out `handle`, which Node's own servers use.
  return new Socket(options as unknown as SocketConstructorOpts);
}
