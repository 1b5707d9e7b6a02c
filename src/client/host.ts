import { EngineError } from '#/base/errors.ts';

/** Where a daemon answers; `text` is what people gave and what messages repeat. */
export type DaemonHost =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly hostname: string; readonly port: number; readonly text: string }
  | { readonly kind: 'ssh'; readonly destination: string; readonly text: string };

const TCP_PORT_DEFAULT = 2375;

/** Reads `unix:///path`, `tcp://host:port`, `http://host:port`, `ssh://[user@]host` and bare `host[:port]`. */
export function parseHost(text: string): DaemonHost {
  const [, scheme = 'tcp', rest = text] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === 'unix') {
    if (rest === '') throw new EngineError('invalid-argument', `invalid host ${JSON.stringify(text)}: no path given`);
    return { kind: 'unix', path: rest, text };
  }
  if (scheme === 'ssh') return { kind: 'ssh', destination: rest, text };
  if (scheme !== 'tcp' && scheme !== 'http') {
    throw new EngineError('invalid-argument', `unable to parse docker host ${JSON.stringify(text)}: unknown scheme`);
  }
  const address = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/]*))(?::(\d{1,5}))?\/?$/.exec(rest);
  const port = address?.[3] === undefined ? TCP_PORT_DEFAULT : Number(address[3]);
  if (address === null || port > 65535) {
    throw new EngineError('invalid-argument', `invalid host ${JSON.stringify(text)}: tcp://HOST[:PORT] expected`);
  }
  return { kind: 'tcp', hostname: address[1] || address[2] || '127.0.0.1', port, text };
}
