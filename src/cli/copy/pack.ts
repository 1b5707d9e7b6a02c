import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { type ByteString, byteStringOf, byteStringOfText, bytesOf, textOf } from '#/archive/byte-string.ts';
import type { TarEntryType } from '#/archive/tar-entry.ts';
import { printTarHeader, tarEnd, tarPadding } from '#/archive/tar-writer.ts';

const CHUNK_BYTES = 256 * 1024;

/** Names of files with several names, by device and inode: the second is archived as a link to the first. */
type SeenInodes = Map<string, ByteString>;

/**
 * A file, or a directory with all that is in it, as a tar whose first member is called `name`, in pieces of 256 KiB and more.
 * Sockets are left out. Files are read by synchronous calls, which for small ones cost a third; nothing else waits here.
 */
export async function* packTree(path: string, name: string): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  for (const piece of packEntry(byteStringOfText(path), byteStringOfText(name), new Map())) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    bytes = 0;
  }
  yield Buffer.concat([...pieces, tarEnd()]);
}

type Stat = ReturnType<typeof statOf>;
const statOf = (path: ByteString) => lstatSync(bytesOf(path), { bigint: true });

function* packEntry(path: ByteString, name: ByteString, seen: SeenInodes): Generator<Buffer> {
  const stat = statOf(path);
  const type = typeOf(stat);
  if (type === undefined) return;
  const inode = `${stat.dev}:${stat.ino}`;
  const first = type === 'directory' ? undefined : seen.get(inode);
  if (first !== undefined) {
    yield header(stat, 'link', name, first);
    return;
  }
  if (stat.nlink > 1n && type !== 'directory') seen.set(inode, name);
  if (type === 'symlink') {
    yield header(stat, type, name, byteStringOf(readlinkSync(bytesOf(path), { encoding: 'buffer' })));
  } else if (type === 'directory') {
    yield header(stat, type, `${name}/`);
    const names = readdirSync(bytesOf(path), { encoding: 'buffer' }).map(byteStringOf).sort();
    for (const child of names) yield* packEntry(`${path}/${child}`, `${name}/${child}`, seen);
  } else {
    yield header(stat, type, name);
    if (type === 'file') yield* readExactly(path, Number(stat.size));
  }
}

function typeOf(stat: Stat): TarEntryType | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isCharacterDevice()) return 'char';
  return stat.isBlockDevice() ? 'block' : undefined;
}

function header(stat: Stat, type: TarEntryType, name: ByteString, linkName: ByteString = ''): Buffer {
  const isDevice = type === 'char' || type === 'block';
  const device = Number(stat.rdev);
  return printTarHeader({
    type,
    name,
    linkName,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    sizeBytes: type === 'file' ? Number(stat.size) : 0,
    mtimeSeconds: Number(stat.mtimeNs / 1_000_000_000n),
    mtimeNanoseconds: Number(stat.mtimeNs % 1_000_000_000n),
    xattrs: undefined,
    // As the kernel packs them: 20 bits of minor number around 12 of major.
    ...(isDevice ? { major: (device >> 8) & 0xfff, minor: (device & 0xff) | ((device >> 12) & 0xfff00) } : {}),
  });
}

/** As many bytes as the header promised, padded. */
function* readExactly(path: ByteString, sizeBytes: number): Generator<Buffer> {
  const file = openSync(bytesOf(path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    let missing = sizeBytes;
    while (missing > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, missing));
      const bytesRead = readSync(file, buffer);
      if (bytesRead === 0) throw new Error(`${textOf(path)} became shorter while it was copied`);
      missing -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    closeSync(file);
  }
  yield tarPadding(sizeBytes);
}
