import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { busyboxLayer, makeImageArchive } from '../tests/support/image.ts';
import { makeTar, type TarEntry } from '../tests/support/tar.ts';

const CACHE = fileURLToPath(new URL('../node_modules/.cache/bench/', import.meta.url));
const MIB = 1024 * 1024;

export const SMALL_IMAGE = 'bench/busybox:1';
export const BIG_IMAGE = 'bench/big:1';
/** A 64 MiB file in a layer of the big image. */
export const BIG_FILE = '/big/data-64m';
export const BIG_FILE_BYTES = 64 * MIB;

export interface BenchImages {
  readonly smallArchive: string;
  readonly bigArchive: string;
  /** The layer of about 250 MB and 11,500 files, alone. */
  readonly manyFilesTar: string;
}

/**
 * Archives that the bench loads into every engine: a busybox, and about 500 MB in four layers, one of which has 11,500
 * files. The bytes are this machine's own programs, cut deterministically, so that they compress and hash like real ones.
 */
export function makeBenchImages(): BenchImages {
  const images = {
    smallArchive: join(CACHE, 'small.tar'),
    bigArchive: join(CACHE, 'big.tar'),
    manyFilesTar: join(CACHE, 'many-files.tar'),
  };
  if (Object.values(images).every((path) => existsSync(path))) return images;
  mkdirSync(CACHE, { recursive: true });
  const config = { Cmd: ['sh'], Env: ['PATH=/bin:/usr/bin'] };
  const small = makeImageArchive({ layers: [busyboxLayer()], config, tags: [SMALL_IMAGE] });
  writeDurably(images.smallArchive, small.archive);
  const pool = readPool(96 * MIB);
  const manyFiles = makeTar(manyFilesLayer(pool, 11_500, 250 * MIB));
  writeDurably(images.manyFilesTar, manyFiles);
  const layers = [
    busyboxLayer(),
    manyFiles,
    [
      { name: 'big/', type: 'dir' as const },
      { name: BIG_FILE.slice(1), content: pool.subarray(0, BIG_FILE_BYTES) },
    ],
    largeFilesLayer(pool, 180 * MIB),
  ];
  writeDurably(images.bigArchive, makeImageArchive({ layers, config, tags: [BIG_IMAGE] }).archive);
  return images;
}

function writeDurably(path: string, bytes: Buffer): void {
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
}

/** The first bytes of the machine's programs and libraries, in the order of their names. */
function readPool(sizeBytes: number): Buffer {
  const parts: Buffer[] = [];
  let total = 0;
  for (const directory of ['/usr/bin', '/usr/sbin']) {
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!entry.isFile() || total >= sizeBytes) continue;
      const bytes = readFileSync(join(directory, entry.name));
      parts.push(bytes);
      total += bytes.length;
    }
  }
  const found = Buffer.concat(parts);
  return Buffer.alloc(sizeBytes, found.subarray(0, Math.min(sizeBytes, found.length)));
}

/** A number from 0 to 1 that depends on the words alone. */
function chance(...words: readonly (string | number)[]): number {
  return createHash('sha256').update(words.join(':')).digest().readUInt32BE(0) / 2 ** 32;
}

function manyFilesLayer(pool: Buffer, count: number, totalBytes: number): TarEntry[] {
  const weights = Array.from({ length: count }, (_, index) => Math.exp(8 * chance('size', index) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const entries: TarEntry[] = [{ name: 'many/', type: 'dir' }];
  for (const [index, weight] of weights.entries()) {
    const directory = `many/d${Math.floor(index / 10)}/`;
    if (index % 10 === 0) entries.push({ name: directory, type: 'dir' });
    const sizeBytes = Math.min(pool.length, Math.round((weight / sum) * totalBytes));
    const start = Math.floor(chance('start', index) * (pool.length - sizeBytes));
    entries.push({ name: `${directory}file-${index}`, content: pool.subarray(start, start + sizeBytes) });
  }
  return entries;
}

function largeFilesLayer(pool: Buffer, totalBytes: number): TarEntry[] {
  const sizeBytes = 12 * MIB;
  const files = Array.from({ length: Math.floor(totalBytes / sizeBytes) }, (_, index): TarEntry => {
    const start = Math.floor(chance('large', index) * (pool.length - sizeBytes));
    return { name: `large/file-${index}`, content: pool.subarray(start, start + sizeBytes) };
  });
  return [{ name: 'large/', type: 'dir' }, ...files];
}

/** Names the machine for the report: processor, cores, memory, kernel. */
export function describeMachine(): string {
  const model = /model name\s*: (.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch;
  const memoryKb = Number(/MemTotal:\s*(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
  const kernel = execFileSync('uname', ['-sr'], { encoding: 'utf8' }).trim();
  const cores = execFileSync('nproc', { encoding: 'utf8' }).trim();
  return `${model}, ${cores} cores, ${(memoryKb / MIB).toFixed(0)} GiB, ${kernel}`;
}
