import { errnoOf } from '#/base/errors.ts';
import { DaemonError, NoDaemonError } from './daemon-error.ts';
import type { DaemonHost } from './host.ts';
import { collect, type ResponseHead, readBody } from './http1.ts';
import type { Wire } from './wire.ts';

/** What an answer of 400 and above says; the connection is closed. */
export async function daemonError(wire: Wire, head: ResponseHead): Promise<DaemonError> {
  const text = (await collect(readBody(wire, head))).trim();
  wire.close();
  return new DaemonError(head.status, messageIn(text) ?? `request returned status ${head.status}`);
}

function messageIn(text: string): string | undefined {
  if (text === '') return undefined;
  if (!text.startsWith('{')) return text;
  try {
    const parsed = JSON.parse(text) as { message?: unknown };
    return typeof parsed.message === 'string' ? parsed.message : text;
  } catch {
    return text;
  }
}

/** Why nobody could be reached, in docker's words. */
export function unreachable(host: DaemonHost, error: unknown): NoDaemonError {
  const errno = errnoOf(error);
  if (errno === 'EACCES') {
    return new NoDaemonError(
      `permission denied while trying to connect to the Gantry daemon socket at ${host.text}: connect: permission denied`,
      error,
    );
  }
  if (errno === 'ENOTFOUND' || errno === 'EAI_AGAIN') {
    return new NoDaemonError(`error during connect: ${host.text}: no such host`, error);
  }
  return new NoDaemonError(`Cannot connect to the Gantry daemon at ${host.text}. Is the gantry daemon running?`, error);
}
