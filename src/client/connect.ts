import net from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '#/base/errors.ts';
import type { DaemonHost } from './host.ts';

/** A connection to the daemon. Rejects with Node's error (ENOENT, ECONNREFUSED, EACCES …). */
export function connect(host: DaemonHost): Promise<Duplex> {
  if (host.kind === 'ssh') {
    throw new EngineError('not-implemented', `${host.text}: hosts reached through ssh are not implemented yet`);
  }
  // Half-open: after our end of input the container's output still comes.
  const socket =
    host.kind === 'unix'
      ? net.connect({ path: host.path, allowHalfOpen: true })
      : net.connect({ host: host.hostname, port: host.port, allowHalfOpen: true, noDelay: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
