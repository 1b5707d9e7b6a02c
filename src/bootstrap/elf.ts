const PT_INTERP = 3;

/** True for the bytes of a 64-bit little-endian ELF program that needs no dynamic loader. */
export function isStaticElf(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Magic, 64 bits, little-endian.
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) return false;
  const tableAt = Number(view.getBigUint64(32, true));
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (tableAt + count * entryBytes > bytes.length) return false;
  for (let index = 0; index < count; index++) {
    if (view.getUint32(tableAt + index * entryBytes, true) === PT_INTERP) return false;
  }
  return true;
}
