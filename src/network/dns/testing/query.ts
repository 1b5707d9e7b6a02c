/** For tests: a question as bytes. `edns` adds an OPT record that announces so many bytes. */
export function encodeQuery(name: string, type: number, { id = 7, edns }: { id?: number; edns?: number } = {}): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label, 'latin1')]);
  const tail = Buffer.of(0, type >> 8, type & 255, 0, 1);
  if (edns === undefined) return Buffer.concat([header, ...labels, tail]);
  header.writeUInt16BE(1, 10);
  return Buffer.concat([header, ...labels, tail, Buffer.of(0, 0, 41, edns >> 8, edns & 255, 0, 0, 0, 0, 0, 0)]);
}
