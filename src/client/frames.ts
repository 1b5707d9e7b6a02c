import { EngineError } from '#/base/errors.ts';

/** Where a frame of a multiplexed stream belongs. Source: Docker Engine API v1.51, "ContainerAttach", stream format. */
export type FrameSink = (source: 'stdout' | 'stderr', bytes: Buffer) => Promise<void> | void;

const HEADER_LENGTH = 8;
const SYSTEM_ERROR = 3;

/**
 * Feeds the sink with each frame's bytes as they arrive, pieces of large frames one by one. Frames of type 3 carry an
 * error of the daemon: it is thrown after the end of that frame.
 */
export async function demultiplex(chunks: AsyncIterable<Buffer>, sink: FrameSink): Promise<void> {
  let header = Buffer.alloc(0);
  let type = 0;
  let missing = 0;
  const failure: Buffer[] = [];
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      if (missing === 0) {
        const take = HEADER_LENGTH - header.length;
        header = Buffer.concat([header, rest.subarray(0, take)]);
        rest = rest.subarray(take);
        if (header.length < HEADER_LENGTH) break;
        type = header.readUInt8(0);
        missing = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        if (type > SYSTEM_ERROR) throw new EngineError('unavailable', `Unrecognized input header: ${type}`);
        continue;
      }
      const part = rest.subarray(0, missing);
      rest = rest.subarray(part.length);
      missing -= part.length;
      if (type !== SYSTEM_ERROR) await sink(type === 2 ? 'stderr' : 'stdout', part);
      else {
        failure.push(part);
        if (missing === 0) {
          throw new EngineError('internal', `error from daemon in stream: ${Buffer.concat(failure).toString()}`);
        }
      }
    }
  }
}
