import { isIP } from 'node:net';
import { EngineError } from '#/base/errors.ts';

const LOOPBACK_NAMES = new Set(['localhost', 'ip6-localhost']);

/**
 * Refuses requests that a web page could have caused (DNS rebinding, cross-site requests): over TCP the Host must be an
 * address or a loopback name, and there must be no Origin of another host. Throws permission-denied.
 */
export function checkHost(host: string | undefined, origin: string | undefined): void {
  const name = hostnameOf(host ?? '');
  if (isIP(name) === 0 && !LOOPBACK_NAMES.has(name.toLowerCase())) {
    throw new EngineError(
      'permission-denied',
      `request for host ${JSON.stringify(host ?? '')} refused: not an address or localhost`,
    );
  }
  if (origin !== undefined && origin !== 'null' && originHost(origin) !== host) {
    throw new EngineError('permission-denied', `request from origin ${JSON.stringify(origin)} refused`);
  }
  if (origin === 'null') throw new EngineError('permission-denied', 'request from origin "null" refused');
}

function hostnameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(host);
  if (bracketed !== null) return bracketed[1] ?? '';
  return host.replace(/:\d+$/, '');
}

function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
