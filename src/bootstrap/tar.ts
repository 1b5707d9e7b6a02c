const BLOCK_BYTES = 512;

/** One entry of a tar made here: root's, at a fixed time, with a name of at most 100 bytes. */
export type TarEntry =
  | { readonly kind: 'directory'; readonly name: string; readonly mode: number }
  | { readonly kind: 'file'; readonly name: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'symlink'; readonly name: string; readonly target: string };

const TYPE_FLAGS = { directory: '5', file: '0', symlink: '2' } as const satisfies Record<TarEntry['kind'], string>;

/** The entries as a tar (POSIX ustar), the same bytes for the same input. */
export async function* writeTar(entries: readonly TarEntry[], mtimeSec: number): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield tarHeader(entry, mtimeSec);
    if (entry.kind !== 'file') continue;
    yield entry.data;
    const padding = -entry.data.length & (BLOCK_BYTES - 1);
    if (padding > 0) yield new Uint8Array(padding);
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

/** The block that stands before an entry's data; on its own it is a whole directory or link. */
export function tarHeader(entry: TarEntry, mtimeSec: number): Uint8Array {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  };
  const name = entry.kind === 'directory' ? `${entry.name}/` : entry.name;
  if (header.write(name, 0, 100) < Buffer.byteLength(name)) throw new RangeError(`name too long for a tar: ${name}`);
  octal(entry.kind === 'symlink' ? 0o777 : entry.mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(entry.kind === 'file' ? entry.data.length : 0, 124, 11);
  octal(mtimeSec, 136, 11);
  header.write(TYPE_FLAGS[entry.kind], 156);
  if (entry.kind === 'symlink') header.write(entry.target, 157, 100);
  header.write('ustar\x0000', 257, 'latin1');
  header.write('root', 265);
  header.write('root', 297);
  // The sum is taken with the sum's own field full of spaces.
  header.fill(' ', 148, 156);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  return header;
}
