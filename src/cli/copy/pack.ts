import { constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { type ByteString, byteStringOf, byteStringOfText, bytesOf, textOf } from '#/archive/byte-string.ts';
import type { TarEntryType } from '#/archive/tar-entry.ts';
import { printTarHeader, tarEnd, tarPadding } from '#/archive/tar-writer.ts';

const CHUNK_BYTES = 256 * 1024;

/** Names of files with several names, by device and inode: the second is archived as a link to the first. */
type SeenInodes = Map<string, ByteString>;

/** A file, or a directory with all that is in it, as a tar whose first member is called `name`. Sockets are left out. */
export async function* packTree(path: string, name: string): AsyncGenerator<Buffer> {
  yield* packEntry(byteStringOfText(path), byteStringOfText(name), new Map());
  yield tarEnd();
}

type Stat = Awaited<ReturnType<typeof statOf>>;
const statOf = (path: ByteString) => lstat(bytesOf(path), { bigint: true });

async function* packEntry(path: ByteString, name: ByteString, seen: SeenInodes): AsyncGenerator<Buffer> {
  const stat = await statOf(path);
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
    yield header(stat, type, name, byteStringOf(await readlink(bytesOf(path), { encoding: 'buffer' })));
  } else if (type === 'directory') {
    yield header(stat, type, `${name}/`);
    const names = (await readdir(bytesOf(path), { encoding: 'buffer' })).map(byteStringOf).sort();
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
async function* readExactly(path: ByteString, sizeBytes: number): AsyncGenerator<Buffer> {
  await using file = await open(bytesOf(path), constants.O_RDONLY | constants.O_NOFOLLOW);
  let missing = sizeBytes;
  while (missing > 0) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, missing)));
    if (bytesRead === 0) throw new Error(`${textOf(path)} became shorter while it was copied`);
    missing -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  yield tarPadding(sizeBytes);
}
