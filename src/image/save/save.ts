import { paddedBytes, TAR_BLOCK_BYTES } from '#/archive/tar-entry.ts';
import { EngineError } from '#/base/errors.ts';
import { printFamiliar } from '#/spec/distribution/reference.ts';
import { type ImageRoom, publishImageEvent } from '../room.ts';
import { memberHeader } from './member-header.ts';
import { planSave, type SavedFile } from './plan-save.ts';
import { type SavedImage, selectSaved } from './select-saved.ts';

const DIRECTORIES = ['blobs/', 'blobs/sha256/'];

/**
 * The archive of the images asked for, as `planSave` describes it; the same images give the same bytes. Throws not-found at
 * once. Layers stay while it is read, also those of images that are removed meanwhile.
 */
export function saveImages(
  room: ImageRoom,
  texts: readonly string[],
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncIterable<Uint8Array> {
  if (texts.length === 0) throw new EngineError('invalid-argument', 'save images: no image was named');
  return writeArchive(room, selectSaved(room.store, texts), signal);
}

async function* writeArchive(
  room: ImageRoom,
  images: readonly SavedImage[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  await using _hold = await room.gate.hold();
  const files = planSave(images, (diffId) => room.layers.getUsage(diffId).tarBytes);
  for (const directory of DIRECTORIES) yield memberHeader(directory, 0);
  for (const file of files) {
    for await (const chunk of writeFile(room, file)) {
      if (signal?.aborted) throw new EngineError('canceled', 'the save was canceled');
      yield chunk;
    }
  }
  yield Buffer.alloc(2 * TAR_BLOCK_BYTES);
  for (const { image, references } of images) {
    const [first] = references;
    publishImageEvent(room, 'save', image.id, first === undefined ? image.id : printFamiliar(first));
  }
}

async function* writeFile({ layers }: ImageRoom, file: SavedFile): AsyncGenerator<Uint8Array> {
  const sizeBytes = file.kind === 'document' ? file.bytes.byteLength : file.sizeBytes;
  yield memberHeader(file.name, sizeBytes);
  if (file.kind === 'document') yield file.bytes;
  else yield* exactly(layers.read(file.diffId), sizeBytes, file.name);
  const padding = paddedBytes(sizeBytes) - sizeBytes;
  if (padding > 0) yield Buffer.alloc(padding);
}

/** Refuses a source that is not as long as its header says: everything after it would be read wrongly. */
async function* exactly(
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  name: string,
): AsyncGenerator<Uint8Array> {
  let leftBytes = sizeBytes;
  for await (const chunk of source) {
    leftBytes -= chunk.byteLength;
    if (leftBytes < 0) break;
    yield chunk;
  }
  if (leftBytes !== 0) throw new EngineError('data-loss', `save ${name}: it does not have its ${sizeBytes} bytes`);
}
