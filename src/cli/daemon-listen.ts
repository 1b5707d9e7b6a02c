import { isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { EngineError } from '#/base/errors.ts';

/** Where the daemon listens. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

const TCP_PORT_DEFAULT = 2375;
/** What the kernel's socket addresses hold, less the final zero and the room for the name under which it is made. */
const SOCKET_PATH_BYTES_MAX = 107;

/**
 * Reads `unix:///path` or `tcp://HOST[:PORT]`; relative paths start at `cwd`. Throws invalid-argument for what is no such
 * address, and for TCP beyond loopback: there is no TLS yet, and whoever reaches the API is root on this host.
 */
export function parseListenAddress(text: string, cwd = process.cwd()): ListenAddress {
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix') return parseUnix(text, rest, cwd);
  if (scheme === 'tcp') return parseTcp(text, rest);
  throw new EngineError(
    'invalid-argument',
    `cannot listen on ${JSON.stringify(text)}: unix:///PATH or tcp://127.0.0.1:PORT expected`,
  );
}

/** The inverse of `parseListenAddress`. */
export function printListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  return `tcp://${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

function parseUnix(text: string, rest: string, cwd: string): ListenAddress {
  const path = resolve(cwd, rest);
  const lengthBytes = Buffer.byteLength(path);
  if (rest === '' || path === '/') {
    throw new EngineError('invalid-argument', `cannot listen on ${JSON.stringify(text)}: no path given`);
  }
  if (lengthBytes > SOCKET_PATH_BYTES_MAX) {
    throw new EngineError(
      'invalid-argument',
      `cannot listen on ${JSON.stringify(text)}: a socket's path has at most ${SOCKET_PATH_BYTES_MAX} bytes, this one ${lengthBytes}`,
    );
  }
  return { kind: 'unix', path };
}

function parseTcp(text: string, rest: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(rest);
  const port = match?.[3] === undefined ? TCP_PORT_DEFAULT : Number(match[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65535) {
    throw new EngineError('invalid-argument', `cannot listen on ${JSON.stringify(text)}: tcp://HOST[:PORT] expected`);
  }
  if (!isLoopback(host)) {
    throw new EngineError(
      'invalid-argument',
      `refusing to listen on ${JSON.stringify(text)}: beyond loopback the API needs TLS, which this version does not have, and whoever reaches it is root on this host; use tcp://127.0.0.1:${port}, or ssh://`,
    );
  }
  return { kind: 'tcp', host, port };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
