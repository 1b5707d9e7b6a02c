import type { Socket } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import { declareSyscall } from './ffi.ts';

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

const getsockopt = declareSyscall<[number, number, number, Uint8Array, Uint8Array]>(
  'int getsockopt(int fd, int level, int name, void *value, void *length)',
);

/** Who connected, as the kernel saw it at that moment. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The process at the other end of a unix socket; ask once a connection. Throws invalid-argument for a closed socket. */
export function readPeerCredentials(socket: Socket): PeerCredentials {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd?: number } | null };
  const fd = handle?.fd ?? -1;
  if (fd < 0) throw new EngineError('invalid-argument', 'read the peer of a socket: it is closed');
  const value = new Uint32Array(3);
  const length = new Uint32Array([value.byteLength]);
  getsockopt.call('read the peer of a socket', fd, SOL_SOCKET, SO_PEERCRED, bytes(value), bytes(length));
  const [pid = 0, uid = 0, gid = 0] = value;
  return { pid, uid, gid };
}

function bytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer);
}
