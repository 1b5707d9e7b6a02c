const BLOCK_BYTES = 512;

export type TarType = 'file' | 'link' | 'symlink' | 'char' | 'block' | 'dir' | 'fifo' | 'pax';

export interface TarEntry {
  readonly name: string;
  readonly type?: TarType;
  readonly content?: Uint8Array | string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeS?: number;
  readonly device?: readonly [major: number, minor: number];
  /** PAX records for this entry alone. */
  readonly pax?: Readonly<Record<string, string>>;
  /** What the header says instead of the content's true length: a lie, for hostile archives. */
  readonly claimedSizeBytes?: number;
}

const TYPE_FLAG: Readonly<Record<TarType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  dir: '5',
  fifo: '6',
  pax: 'x',
};

/** A tar of exactly these entries, valid or not: names are written as given. */
export function makeTar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(printEntry), Buffer.alloc(2 * BLOCK_BYTES)]);
}

function printEntry(entry: TarEntry): Buffer[] {
  const records = { ...(Buffer.byteLength(entry.name) > 100 ? { path: entry.name } : {}), ...entry.pax };
  const content = Buffer.from(entry.content ?? '');
  const own = [printHeader(entry, content.length), content, padding(content.length)];
  if (Object.keys(records).length === 0) return own;
  const pax = Buffer.from(Object.entries(records).map(printPaxRecord).join(''));
  return [printHeader({ name: 'PaxHeaders/x', type: 'pax' }, pax.length), pax, padding(pax.length), ...own];
}

function printPaxRecord([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let total = rest;
  while (total !== rest + String(total).length) total = rest + String(total).length;
  return `${total} ${key}=${value}\n`;
}

function printHeader(entry: TarEntry, contentBytes: number): Buffer {
  const type = entry.type ?? 'file';
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(entry.name.slice(0, 100), 0, 100, 'utf8');
  header.write(octal(entry.mode ?? (type === 'dir' ? 0o755 : 0o644), 8), 100);
  header.write(octal(Math.min(entry.uid ?? 0, 0o7777777), 8), 108);
  header.write(octal(Math.min(entry.gid ?? 0, 0o7777777), 8), 116);
  header.write(octal(entry.claimedSizeBytes ?? contentBytes, 12), 124);
  header.write(octal(entry.mtimeS ?? 1_700_000_000, 12), 136);
  header.write('        ', 148);
  header.write(TYPE_FLAG[type], 156);
  header.write((entry.linkName ?? '').slice(0, 100), 157, 100, 'utf8');
  header.write('ustar\u000000', 257);
  header.write(octal(entry.device?.[0] ?? 0, 8), 329);
  header.write(octal(entry.device?.[1] ?? 0, 8), 337);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148);
  return header;
}

function octal(value: number, widthBytes: number): string {
  return `${value.toString(8).padStart(widthBytes - 1, '0')}\u0000`;
}

function padding(contentBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (contentBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}
