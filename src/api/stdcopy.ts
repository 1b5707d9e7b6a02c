/**
 * Docker's multiplexed stream: each piece is preceded by 8 bytes, of which byte 0 is 1 (stdout) or 2 (stderr) and bytes
 * 4–7 its length, big-endian. Source: Engine API, "Attach to a container", stream format.
 */
export function frame(stream: 'stdout' | 'stderr', data: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(8 + data.length);
  framed.writeUInt32BE(stream === 'stdout' ? 0x01000000 : 0x02000000, 0);
  framed.writeUInt32BE(data.length, 4);
  framed.set(data, 8);
  return framed;
}

export const MULTIPLEXED_TYPE = 'application/vnd.docker.multiplexed-stream';
export const RAW_TYPE = 'application/vnd.docker.raw-stream';
