import type { TarEntry, TarLimits } from './tar-entry.ts';
import { TarScanner } from './tar-scanner.ts';

export interface TarMember {
  readonly entry: TarEntry;
  /**
   * The stored bytes, to be read (or not) before the next member is asked for. Pieces are views into the source's chunks.
   * A sparse file's holes are not in it.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

type Event = { readonly entry: TarEntry } | { readonly data: Uint8Array } | 'end';

/**
 * The members of a tar that arrives as a stream, in order, with backpressure: the source is read only as fast as bodies
 * are. What is left of a body when the next member is asked for is skipped. Throws data-loss for a malformed tar.
 * The source is read to its end, also beyond the tar's end mark.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarMember> {
  const events: Event[] = [];
  const scanner = new TarScanner(
    {
      onEntry: (entry) => events.push({ entry }),
      onData: (data) => events.push({ data }),
      onEntryEnd: () => events.push('end'),
    },
    limits,
  );
  const chunks = source[Symbol.asyncIterator]();
  const next = async (): Promise<Event | undefined> => {
    while (events.length === 0) {
      const chunk = await chunks.next();
      if (chunk.done === true) {
        scanner.end();
        return undefined;
      }
      scanner.write(chunk.value);
    }
    return events.shift();
  };
  try {
    for (let event = await next(); event !== undefined; event = await next()) {
      if (typeof event === 'object' && 'entry' in event) yield { entry: event.entry, body: readBody(next) };
    }
  } finally {
    await chunks.return?.();
  }
}

async function* readBody(next: () => Promise<Event | undefined>): AsyncGenerator<Uint8Array> {
  for (let event = await next(); event !== undefined && event !== 'end'; event = await next()) {
    if ('data' in event) yield event.data;
  }
}
