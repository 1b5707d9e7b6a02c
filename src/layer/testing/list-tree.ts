import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { getXattr, listXattrs } from '#/linux/xattr.ts';

/** Everything that can be seen of one name in a tree. */
export interface TreeLine {
  readonly path: string;
  /** Octal, with the type. */
  readonly mode: string;
  readonly owner: string;
  /** Of files. */
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly device: bigint;
  readonly links: number;
  readonly xattrs: Readonly<Record<string, string>>;
  /** sha256 of a file, target of a link. */
  readonly content: string;
}

/** A tree entry by entry, in byte order. Bytes of names that are not UTF-8 show as the characters of Latin-1. */
export function listTree(root: string): readonly TreeLine[] {
  const lines: TreeLine[] = [];
  const visit = (path: Buffer): void => {
    const stat = lstatSync(path, { bigint: true });
    lines.push(describe(root, path, stat));
    if (!stat.isDirectory()) return;
    const names = readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare);
    for (const name of names) visit(Buffer.concat([path, Buffer.from('/'), name]));
  };
  visit(Buffer.from(root));
  return lines;
}

function describe(root: string, path: Buffer, stat: BigIntStats): TreeLine {
  const text = path.toString('utf8');
  const isText = Buffer.from(text).equals(path);
  const xattrs = isText
    ? listXattrs(text)
        .filter((name) => !name.startsWith('trusted.overlay.'))
        .sort()
        .map((name) => [name, getXattr(text, name)?.toString('base64') ?? ''])
    : [];
  const shown = isText ? text : path.toString('latin1');
  return {
    path: shown === root ? '.' : shown.slice(root.length + 1),
    mode: stat.mode.toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    size: stat.isDirectory() ? 0n : stat.size,
    mtimeNs: stat.mtimeNs,
    device: stat.rdev,
    links: stat.isDirectory() ? 0 : Number(stat.nlink),
    xattrs: Object.fromEntries(xattrs),
    content: contentOf(path, stat),
  };
}

const HASHED_BYTES_MAX = 64 * 1024 ** 2;

/** Of files that are larger (sparse ones): some pages at places where something may be. */
function contentOf(path: Buffer, stat: BigIntStats): string {
  if (stat.isSymbolicLink()) return readlinkSync(path);
  if (!stat.isFile()) return '';
  const size = Number(stat.size);
  const hash = createHash('sha256');
  const fd = openSync(path, 'r');
  try {
    const ranges =
      size <= HASHED_BYTES_MAX
        ? [[0, size]]
        : [
            [0, 65536],
            [2 ** 31 - 65536, 131072],
            [size - 65536, 65536],
          ];
    for (const [offset = 0, length = 0] of ranges) {
      const buffer = Buffer.alloc(length);
      hash.update(buffer.subarray(0, readSync(fd, buffer, 0, length, offset)));
    }
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
