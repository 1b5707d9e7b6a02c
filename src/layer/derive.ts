import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { quote } from '#/archive/byte-string.ts';
import type { TarLimits } from '#/archive/tar-entry.ts';
import { TarScanner } from '#/archive/tar-scanner.ts';
import { EngineError } from '#/base/errors.ts';
import { writeErofs } from './erofs-writer.ts';
import { openLowerTree } from './lower-tree.ts';
import type { LayerTraits, LayerTree } from './tree.ts';
import { TreeBuilder } from './tree-builder.ts';
import { unpackTree } from './unpack.ts';

/** How a layer can be a directory of an overlay: as a mounted index over its tar, or extracted. */
export type LayerForm = 'erofs' | 'unpacked';

export interface DeriveRequest {
  readonly tarPath: string;
  readonly form: LayerForm;
  /** Where the index (a file) or the extracted tree (a directory) is to be; it must not exist. */
  readonly outputPath: string;
  /** The layers below, mounted: for a layer whose meaning depends on them. */
  readonly lowerPath?: string;
  readonly limits: TarLimits;
}

export interface DerivedLayer {
  /** Is 'unpacked' where 'erofs' was asked for but cannot express the layer. */
  readonly form: LayerForm;
  readonly sizeBytes: number;
  readonly traits: LayerTraits;
}

/** Makes the index or the tree of a layer that is stored already. Synced when it returns. */
export async function deriveLayer(request: DeriveRequest): Promise<DerivedLayer> {
  const builder = new TreeBuilder(request.lowerPath === undefined ? undefined : openLowerTree(request.lowerPath));
  scanFile(request.tarPath, builder, request.limits);
  return await deriveFromTree(builder.finish(), request);
}

export async function deriveFromTree(
  tree: LayerTree,
  { tarPath, form, outputPath }: Pick<DeriveRequest, 'tarPath' | 'form' | 'outputPath'>,
): Promise<DerivedLayer> {
  const fd = openSync(tarPath, 'r');
  try {
    const readTar = (offset: number, lengthBytes: number): Buffer => readExactly(fd, offset, lengthBytes);
    const index = form === 'erofs' ? writeErofs(tree.root, fstatSync(fd).size, readTar) : undefined;
    if (index === undefined) {
      const sizeBytes = unpackTree(tree.root, outputPath, fd);
      return { form: 'unpacked', sizeBytes, traits: tree.traits };
    }
    const sizeBytes = await writeIndex(outputPath, index);
    return { form, sizeBytes, traits: tree.traits };
  } catch (error) {
    rmSync(outputPath, { recursive: true, force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

async function writeIndex(
  path: string,
  { image, appended }: NonNullable<ReturnType<typeof writeErofs>>,
): Promise<number> {
  await using file = await open(path, 'wx', 0o600);
  await file.write(image, 0, image.length, 0);
  let end = image.length;
  for (const { path: source, sizeBytes } of appended) {
    const copied = await copyInto(file, source, end);
    if (copied !== sizeBytes)
      throw new EngineError('internal', `copy ${quote(source)}: ${copied} of ${sizeBytes} bytes`);
    end += Math.ceil(sizeBytes / 512) * 512;
  }
  await file.truncate(end);
  await file.sync();
  return end;
}

async function copyInto(target: Awaited<ReturnType<typeof open>>, source: string, at: number): Promise<number> {
  await using file = await open(Buffer.from(source, 'latin1'), 'r');
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  let copied = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, copied);
    if (bytesRead === 0) return copied;
    await target.write(buffer, 0, bytesRead, at + copied);
    copied += bytesRead;
  }
}

const HEADER_READ_BYTES = 64 * 1024;

/** Feeds a stored tar to the builder, reading headers only where file contents are large. */
function scanFile(path: string, builder: TreeBuilder, limits: TarLimits): void {
  const scanner = new TarScanner({ onEntry: (entry) => builder.add(entry) }, limits);
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(HEADER_READ_BYTES);
    let offset = 0;
    while (!scanner.isEnded) {
      const length = readSync(fd, buffer, 0, buffer.length, offset);
      if (length === 0) break;
      scanner.write(buffer.subarray(0, length));
      offset += length;
      if (scanner.isEnded) break;
      const skippable = scanner.skippableBytes;
      if (skippable > HEADER_READ_BYTES) {
        offset += skippable;
        scanner.skip();
      }
    }
    scanner.end();
  } finally {
    closeSync(fd);
  }
}

function readExactly(fd: number, offset: number, lengthBytes: number): Buffer {
  const buffer = Buffer.alloc(lengthBytes);
  let length = 0;
  while (length < lengthBytes) {
    const count = readSync(fd, buffer, length, lengthBytes - length, offset + length);
    if (count === 0) throw new EngineError('data-loss', `invalid tar: it ends before byte ${offset + lengthBytes}`);
    length += count;
  }
  return buffer;
}
