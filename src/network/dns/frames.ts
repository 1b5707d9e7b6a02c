const LENGTH_BYTES = 2;

/** A message as it goes over tcp: its length before it (RFC 1035, 4.2.2). */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, LENGTH_BYTES);
  return framed;
}

/** Cuts a tcp stream into messages, as its pieces come in; keeps at most one that is not whole yet, of 64 KiB. */
export function frameReader(onMessage: (message: Buffer) => void): (piece: Buffer) => void {
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  let neededBytes = LENGTH_BYTES;
  return (piece) => {
    pieces.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes < neededBytes) return;
    let rest = Buffer.concat(pieces);
    for (;;) {
      neededBytes = rest.length < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + rest.readUInt16BE(0);
      if (rest.length < neededBytes) break;
      const message = rest.subarray(LENGTH_BYTES, neededBytes);
      rest = rest.subarray(neededBytes);
      onMessage(message);
    }
    pieces = [rest];
    sizeBytes = rest.length;
  };
}
