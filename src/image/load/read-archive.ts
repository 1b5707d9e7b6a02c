import { createHash } from 'node:crypto';
import { textOf } from '#/archive/byte-string.ts';
import { DEFAULT_EXPANSION_LIMITS, expand } from '#/archive/compression.ts';
import { cleanEntryPath } from '#/archive/path.ts';
import type { TarEntry } from '#/archive/tar-entry.ts';
import { readTar } from '#/archive/tar-reader.ts';
import { EngineError } from '#/base/errors.ts';
import { type Digest, digestOfHex, parseDigest } from '#/base/ids.ts';
import type { ArchiveFile, ImageArchive } from './archive-file.ts';
import { malformed } from './archive-file.ts';
import type { IngestQueue } from './ingest-queue.ts';
import { SNIFF_BYTES, sniff } from './sniff.ts';

const ENTRIES_MAX = 65_536;
const DOCUMENT_BYTES_MAX = 4 * 1024 ** 2;
const DOCUMENTS_BYTES_MAX = 64 * 1024 ** 2;
const PROGRESS_STEP_BYTES = 1024 ** 2;

/** How far a layer has been read. */
export interface LayerProgress {
  /** Twelve digits of its name in the archive, or the name itself. */
  readonly id: string;
  readonly currentBytes: number;
  readonly totalBytes: number;
}

export interface ReadArchiveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LayerProgress) => void) | undefined;
}

/**
 * Reads an image archive (a tar, plain or compressed) once from start to end: what looks like a layer goes straight to the
 * layer store, JSON documents are kept (at most 4 MiB each and 64 MiB in all; the others count as not there), the rest is
 * skipped. Files below `blobs/sha256/` must have the digest that they are named by. Throws data-loss or invalid-argument.
 */
export async function readArchive(
  stream: AsyncIterable<Uint8Array>,
  queue: IngestQueue,
  options: ReadArchiveOptions,
): Promise<ImageArchive> {
  const files = new Map<string, ArchiveFile>();
  const links = new Map<string, string>();
  const documents = new DocumentReader();
  const expanded = expand(abortable(stream, options.signal), DEFAULT_EXPANSION_LIMITS);
  for await (const { entry, body } of readTar(expanded, { maxEntries: ENTRIES_MAX })) {
    queue.throwFailure();
    const name = textOf(cleanEntryPath(entry.name).join('/'));
    if (entry.type === 'symlink' || entry.type === 'link')
      links.set(claimName(name, files, links), targetOf(name, entry));
    if (entry.type !== 'file') continue;
    if (entry.sparse !== undefined) throw malformed(`image archive: ${name} is stored as a sparse file`);
    const isKnownBlob = files.has(name) && blobDigestOf(name) !== undefined;
    const file = await readFile(name, entry, body, { queue, documents, options });
    if (!isKnownBlob) files.set(claimName(name, files, links), file);
  }
  return { files, links };
}

/** Two files of one name could be read as either. */
function claimName(name: string, files: ReadonlyMap<string, unknown>, links: ReadonlyMap<string, unknown>): string {
  if (files.has(name) || links.has(name)) throw malformed(`image archive: ${JSON.stringify(name)} is there twice`);
  return name;
}

/** Where a link leads inside the archive. Throws data-loss where it leads out: no file of the host is ever read. */
function targetOf(name: string, entry: TarEntry): string {
  const target = textOf(entry.linkName);
  const base = entry.type === 'link' ? [] : name.split('/').slice(0, -1);
  const parts = [...base];
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw leadsOut(name, target);
  }
  if (target.startsWith('/')) throw leadsOut(name, target);
  return parts.join('/');
}

const leadsOut = (name: string, target: string): EngineError =>
  new EngineError(
    'data-loss',
    `image archive: ${JSON.stringify(name)} is a link to ${JSON.stringify(target)}, outside`,
  );

interface FileContext {
  readonly queue: IngestQueue;
  readonly documents: DocumentReader;
  readonly options: ReadArchiveOptions;
}

async function readFile(
  name: string,
  entry: TarEntry,
  body: AsyncIterable<Uint8Array>,
  { queue, documents, options }: FileContext,
): Promise<ArchiveFile> {
  const expectedDigest = blobDigestOf(name);
  const { head, whole } = await readHead(body);
  const sniffed = sniff(head);
  if (sniffed.kind === 'layer') {
    const source = reportProgress(whole, name, entry.sizeBytes, options.onProgress);
    const expected = expectedDigest === undefined ? {} : { expectedDigest };
    return { kind: 'layer', ...(await queue.feed(source, { ...expected, expectedSizeBytes: entry.sizeBytes })) };
  }
  const { digest, bytes } = await documents.read(whole, sniffed.kind === 'document' ? entry.sizeBytes : undefined);
  if (expectedDigest !== undefined && digest !== expectedDigest) {
    throw new EngineError('data-loss', `image archive: ${name} has the digest ${digest}`);
  }
  if (sniffed.kind === 'other') return sniffed;
  if (bytes === undefined) return { kind: 'other', what: `is too large: the limit is ${DOCUMENT_BYTES_MAX} bytes` };
  return { kind: 'document', bytes, digest };
}

/** Hashes what it reads, and keeps it as long as there is room. */
class DocumentReader {
  #keptBytes = 0;

  async read(
    source: AsyncIterable<Uint8Array>,
    keepBytes: number | undefined,
  ): Promise<{ readonly digest: Digest; readonly bytes: Uint8Array | undefined }> {
    const fits = keepBytes !== undefined && keepBytes <= DOCUMENT_BYTES_MAX;
    const keep = fits && this.#keptBytes + keepBytes <= DOCUMENTS_BYTES_MAX;
    if (keep) this.#keptBytes += keepBytes;
    const hash = createHash('sha256');
    const kept: Uint8Array[] = [];
    for await (const chunk of source) {
      hash.update(chunk);
      if (keep) kept.push(chunk);
    }
    return { digest: digestOfHex(hash.digest('hex')), bytes: keep ? Buffer.concat(kept) : undefined };
  }
}

function blobDigestOf(name: string): Digest | undefined {
  const [, algorithm, hex] = /^blobs\/([^/]+)\/([^/]+)$/.exec(name) ?? [];
  if (algorithm !== 'sha256' || hex === undefined) return undefined;
  return parseDigest(`sha256:${hex}`);
}

async function readHead(
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: Buffer; readonly whole: AsyncIterable<Uint8Array> }> {
  const chunks = body[Symbol.asyncIterator]();
  const start: Uint8Array[] = [];
  let startBytes = 0;
  while (startBytes < SNIFF_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    start.push(next.value);
    startBytes += next.value.byteLength;
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* start;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  return { head: Buffer.concat(start), whole: whole() };
}

async function* reportProgress(
  source: AsyncIterable<Uint8Array>,
  name: string,
  totalBytes: number,
  onProgress: ReadArchiveOptions['onProgress'],
): AsyncGenerator<Uint8Array> {
  const id = /[0-9a-f]{64}/.exec(name)?.[0].slice(0, 12) ?? name;
  let currentBytes = 0;
  let reportedBytes = 0;
  for await (const chunk of source) {
    yield chunk;
    currentBytes += chunk.byteLength;
    if (currentBytes - reportedBytes < PROGRESS_STEP_BYTES && currentBytes < totalBytes) continue;
    reportedBytes = currentBytes;
    onProgress?.({ id, currentBytes, totalBytes });
  }
}

/** The stream until the signal aborts, also while it waits for a source that says nothing. */
async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let reject: (error: EngineError) => void = () => {};
  const onAbort = (): void => reject(new EngineError('canceled', 'the load was canceled'));
  signal?.addEventListener('abort', onAbort, { once: true });
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, rejectNext) => {
        reject = rejectNext;
        if (signal?.aborted) onAbort();
        else chunks.next().then(resolve, rejectNext);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    // Not awaited: a source that hangs would hang its own end, too.
    void Promise.resolve(chunks.return?.()).catch(() => {});
  }
}
