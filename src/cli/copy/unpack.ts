import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { type ByteString, byteStringOfText, bytesOf, quote } from '#/archive/byte-string.ts';
import { cleanEntryPath } from '#/archive/path.ts';
import type { TarEntry } from '#/archive/tar-entry.ts';
import { readTar, type TarMember } from '#/archive/tar-reader.ts';

export interface UnpackOptions {
  /** Where to; it must be there. */
  readonly directory: string;
  /** The name that the archive's one tree has, and the one that it is to get. */
  readonly sourceName: string;
  readonly name: string;
  /** Told of what cannot be made here: devices and pipes. */
  readonly onSkip: (name: string) => void;
}

/**
 * Unpacks what a container gave. The archive is not trusted: no member leaves the directory, neither by its name nor through a
 * symbolic link, its own or one that is there. Owners stay ours. A directory and something else never replace each other.
 *
 * Files are made by synchronous calls: nothing else waits in this process, and seven trips to the thread pool for each small
 * file cost three times as much as making it.
 */
export async function unpackTree(source: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  const root = byteStringOfText(options.directory);
  const target: Target = { root, safe: new Set([root]), directories: [] };
  for await (const member of readTar(source)) {
    const path = pathIn(member.entry.name, options);
    if (path.length === 0) continue;
    const linkPath = member.entry.type === 'link' ? pathIn(member.entry.linkName, options) : [];
    const isMade = await placeMember(target, member, path, linkPath);
    if (!isMade) options.onSkip(quote(member.entry.name));
  }
  // Last, and inner ones first: what is made in a directory changes its time, and may need its permission.
  for (const { path, entry } of target.directories.reverse()) setAttributes(path, entry);
}

interface Target {
  readonly root: ByteString;
  /** Directories found not to be symbolic links. */
  readonly safe: Set<ByteString>;
  readonly directories: { readonly path: ByteString; readonly entry: TarEntry }[];
}

/** Components below the directory. */
function pathIn(name: ByteString, { sourceName, name: wanted }: UnpackOptions): readonly ByteString[] {
  const path = cleanEntryPath(name);
  if (sourceName === wanted) return path;
  const renamed = byteStringOfText(wanted);
  if (sourceName === '.' || sourceName === '/') return [renamed, ...path];
  return path[0] === byteStringOfText(sourceName) ? [renamed, ...path.slice(1)] : path;
}

/** False where its kind cannot be made here. */
async function placeMember(
  target: Target,
  { entry, body }: TarMember,
  components: readonly ByteString[],
  linkComponents: readonly ByteString[],
): Promise<boolean> {
  const path = enter(target, components);
  makeRoom(target, path, entry);
  switch (entry.type) {
    case 'directory':
      if (find(path) === undefined) mkdirSync(bytesOf(path), 0o700);
      target.directories.push({ path, entry });
      return true;
    case 'file':
      await writeFile(path, entry, body);
      return true;
    case 'symlink':
      symlinkSync(bytesOf(entry.linkName), bytesOf(path));
      lutimesSync(bytesOf(path), mtimeOf(entry), mtimeOf(entry));
      return true;
    case 'link': {
      const from = enter(target, linkComponents);
      if (!find(from)?.isFile()) throw new Error(`cannot link ${quote(path)} to ${quote(from)}: not a file`);
      linkSync(bytesOf(from), bytesOf(path));
      return true;
    }
    default:
      return false;
  }
}

/** The path, once all directories above it are there and are directories. */
function enter({ root, safe }: Target, components: readonly ByteString[]): ByteString {
  let path = root;
  for (const component of components.slice(0, -1)) {
    path = `${path}/${component}`;
    if (safe.has(path)) continue;
    const found = find(path);
    if (found === undefined) mkdirSync(bytesOf(path), 0o755);
    else if (!found.isDirectory()) throw new Error(`cannot copy into ${quote(path)}: not a directory`);
    safe.add(path);
  }
  return `${path}/${components.at(-1) ?? '.'}`;
}

/** Removes what is to be replaced. Throws docker's reason where a directory meets something else. */
function makeRoom({ root }: Target, path: ByteString, { type }: TarEntry): void {
  const found = find(path);
  if (found === undefined) return;
  const isDirectory = type === 'directory';
  if (found.isDirectory() && !isDirectory) {
    throw new Error(`cannot overwrite directory ${quote(path)} with non-directory ${quote(root)}`);
  }
  if (!found.isDirectory() && isDirectory) {
    throw new Error(`cannot overwrite non-directory ${quote(path)} with directory ${quote(root)}`);
  }
  if (!isDirectory) rmSync(bytesOf(path));
}

const find = (path: ByteString): Stats | undefined => lstatSync(bytesOf(path), { throwIfNoEntry: false });

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

async function writeFile(path: ByteString, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
  const file = openSync(bytesOf(path), NEW_FILE, 0o600);
  try {
    await writeSegments(file, entry, body);
    if (entry.sparse !== undefined) ftruncateSync(file, entry.sizeBytes);
    fchmodSync(file, entry.mode);
    futimesSync(file, mtimeOf(entry), mtimeOf(entry));
  } finally {
    closeSync(file);
  }
}

async function writeSegments(file: number, entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
  const segments = entry.sparse ?? [{ offset: 0, lengthBytes: entry.sizeBytes }];
  let at = 0;
  let written = 0;
  for await (const chunk of body) {
    for (let rest = chunk; rest.length > 0; ) {
      const segment = segments[at];
      if (segment === undefined) throw new Error(`${quote(entry.name)} has more bytes than its header says`);
      const length = Math.min(rest.length, segment.lengthBytes - written);
      const taken = writeSync(file, rest, 0, length, segment.offset + written);
      rest = rest.subarray(taken);
      written += taken;
      if (written < segment.lengthBytes) continue;
      at++;
      written = 0;
    }
  }
}

function setAttributes(path: ByteString, entry: TarEntry): void {
  chmodSync(bytesOf(path), entry.mode);
  lutimesSync(bytesOf(path), mtimeOf(entry), mtimeOf(entry));
}

const mtimeOf = ({ mtimeSeconds, mtimeNanoseconds }: TarEntry): number => mtimeSeconds + mtimeNanoseconds / 1e9;
