import type { ByteString } from './byte-string.ts';
import { type PaxRecords, parsePaxRecords } from './pax.ts';
import { buildTarEntry, type Overrides } from './tar-build-entry.ts';
import {
  corruptTar,
  DEFAULT_TAR_LIMITS,
  paddedBytes,
  TAR_BLOCK_BYTES,
  type TarEntry,
  type TarLimits,
} from './tar-entry.ts';
import { isZeroBlock, parseHeader, parseNumber, type RawHeader } from './tar-header.ts';
import { parseOldSparsePairs, parseSparseMap, type SparsePair } from './tar-sparse.ts';

export interface TarScannerEvents {
  readonly onEntry: (entry: TarEntry) => void;
  /** Stored bytes of the entry last announced: views that are valid only during the call. */
  readonly onData?: (data: Buffer) => void;
  /** All stored bytes of the entry were seen. */
  readonly onEntryEnd?: () => void;
}

type State = 'header' | 'extension' | 'sparse-continuation' | 'sparse-map' | 'body' | 'padding' | 'ended';

/**
 * Reads a tar that is pushed in pieces of any size: ustar, GNU (long names, old sparse) and PAX (local and global records,
 * xattrs, sparse 0.0, 0.1 and 1.0). Every header's checksum is verified, and what one entry can make it hold is bounded by
 * `limits`. Throws data-loss for anything malformed. Bytes after the end mark are ignored, as tar does.
 */
export class TarScanner {
  readonly #events: TarScannerEvents;
  readonly #limits: TarLimits;
  #state: State = 'header';
  /** Absolute offset of the next byte to be looked at. */
  #offset = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes still to come in the states that skip or collect. */
  #left = 0;
  #entries = 0;
  #extensionBytes = 0;
  #totalExtensionBytes = 0;
  #extensionType = '';
  #extensionSize = 0;
  #globals = new Map<ByteString, ByteString>();
  #globalBytes = 0;
  #overrides: Overrides = {};
  #header: RawHeader | undefined;
  #headerOffset = 0;
  #padding = 0;
  #oldSparse: { readonly pairs: SparsePair[]; readonly sizeBytes: number } | undefined;
  #mapBlocks: Buffer[] = [];
  #mapNewlines = 0;
  #mapNewlinesWanted = 1;

  constructor(events: TarScannerEvents, limits: Partial<TarLimits> = {}) {
    this.#events = events;
    this.#limits = { ...DEFAULT_TAR_LIMITS, ...limits };
  }

  /** True after the end mark; what follows does not matter. */
  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** How many of the next bytes are file content or padding: a reader of a file may `skip` them instead of writing them. */
  get skippableBytes(): number {
    if (this.#state === 'ended') return Number.POSITIVE_INFINITY;
    if (this.#state === 'padding') return this.#left;
    return this.#state === 'body' ? this.#left + this.#padding : 0;
  }

  /** Leaves out `skippableBytes`. */
  skip(): void {
    this.#offset += this.skippableBytes;
    this.#endBody();
    this.#state = 'header';
  }

  write(chunk: Uint8Array): void {
    const data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < data.length && this.#state !== 'ended') at += this.#step(data, at);
  }

  /** No more bytes will come. Throws data-loss where they end inside an entry; a missing end mark is tolerated, as tar does. */
  end(): void {
    const complete =
      this.#state === 'ended' ||
      this.#state === 'padding' ||
      (this.#state === 'header' && this.#heldBytes === 0 && !hasOverrides(this.#overrides));
    if (!complete) throw corruptTar(`it ends in the middle of an entry, at byte ${this.#offset}`);
  }

  /** Consumes some of `data` from `at`; how much. */
  #step(data: Buffer, at: number): number {
    const available = data.length - at;
    if (this.#state === 'body') {
      const taken = Math.min(available, this.#left);
      this.#left -= taken;
      this.#offset += taken;
      if (taken > 0) this.#events.onData?.(data.subarray(at, at + taken));
      if (this.#left === 0) this.#endBody();
      return taken;
    }
    if (this.#state === 'padding') {
      const taken = Math.min(available, this.#left);
      this.#left -= taken;
      this.#offset += taken;
      if (this.#left === 0) this.#state = 'header';
      return taken;
    }
    return this.#collect(data, at, this.#state === 'extension' ? this.#left : TAR_BLOCK_BYTES);
  }

  /** Gathers `wanted` bytes, without copying where they lie in one piece, and hands them to the state's parser. */
  #collect(data: Buffer, at: number, wanted: number): number {
    const taken = Math.min(data.length - at, wanted - this.#heldBytes);
    const piece = data.subarray(at, at + taken);
    this.#offset += taken;
    if (taken === wanted) {
      this.#parse(piece);
      return taken;
    }
    // A copy: the caller may reuse its buffer.
    this.#held.push(Buffer.from(piece));
    this.#heldBytes += taken;
    if (this.#heldBytes === wanted) {
      const whole = Buffer.concat(this.#held);
      this.#held = [];
      this.#heldBytes = 0;
      this.#parse(whole);
    }
    return taken;
  }

  #parse(block: Buffer): void {
    if (this.#state === 'extension') this.#parseExtension(block.subarray(0, this.#extensionSize));
    else if (this.#state === 'sparse-continuation') this.#parseSparseContinuation(block);
    else if (this.#state === 'sparse-map') this.#parseMapBlock(block);
    else this.#parseHeaderBlock(block);
  }

  #parseHeaderBlock(block: Buffer): void {
    if (isZeroBlock(block)) {
      if (hasOverrides(this.#overrides)) throw corruptTar('extension headers without an entry');
      this.#state = 'ended';
      return;
    }
    const offset = this.#offset - TAR_BLOCK_BYTES;
    const header = parseHeader(block, offset);
    if (isExtension(header.typeflag)) {
      this.#beginExtension(header);
      return;
    }
    if (++this.#entries > this.#limits.maxEntries) {
      throw corruptTar(`more than ${this.#limits.maxEntries} entries`);
    }
    this.#header = header;
    this.#headerOffset = offset;
    if (header.typeflag === 'S') this.#beginOldSparse(block, offset);
    else this.#beginData();
  }

  #beginExtension(header: RawHeader): void {
    const size = header.sizeBytes;
    this.#extensionBytes += size;
    const limit = this.#limits.maxExtensionBytes;
    if (size < 0 || this.#extensionBytes > limit) {
      throw corruptTar(
        `extension headers of ${this.#extensionBytes} bytes at byte ${this.#offset}; the limit is ${limit}`,
      );
    }
    this.#totalExtensionBytes += size;
    const total = this.#limits.maxTotalExtensionBytes;
    if (this.#totalExtensionBytes > total) throw corruptTar(`extension headers of more than ${total} bytes in all`);
    this.#extensionType = header.typeflag;
    this.#extensionSize = size;
    this.#left = paddedBytes(size);
    this.#state = 'extension';
    if (size === 0) this.#parseExtension(Buffer.alloc(0));
  }

  #parseExtension(data: Buffer): void {
    this.#state = 'header';
    switch (this.#extensionType) {
      case 'L':
        this.#overrides.longName = untilNul(data);
        break;
      case 'K':
        this.#overrides.longLink = untilNul(data);
        break;
      case 'g':
        this.#mergeGlobals(parsePaxRecords(data));
        this.#extensionBytes -= data.length;
        break;
      case 'V':
        this.#extensionBytes -= data.length;
        break;
      default:
        this.#overrides.records = [...(this.#overrides.records ?? []), ...parsePaxRecords(data)];
    }
  }

  #mergeGlobals(records: PaxRecords): void {
    for (const [key, value] of records) {
      this.#globals.set(key, value);
      this.#globalBytes += key.length + value.length;
    }
    if (this.#globalBytes > this.#limits.maxExtensionBytes) {
      throw corruptTar(`global PAX records of more than ${this.#limits.maxExtensionBytes} bytes`);
    }
  }

  #beginOldSparse(block: Buffer, offset: number): void {
    const sizeBytes = parseNumber(block, 483, 12, 'real size', offset);
    this.#oldSparse = { pairs: parseOldSparsePairs(block, 386, 4, offset), sizeBytes };
    if (block[482] !== 0) this.#state = 'sparse-continuation';
    else this.#beginData();
  }

  #parseSparseContinuation(block: Buffer): void {
    const pairs = this.#oldSparse?.pairs ?? [];
    pairs.push(...parseOldSparsePairs(block, 0, 21, this.#offset - TAR_BLOCK_BYTES));
    this.#checkSegmentCount(pairs.length);
    if (block[504] === 0) this.#beginData();
  }

  #checkSegmentCount(count: number): void {
    const limit = this.#limits.maxSparseSegments;
    if (count > limit) throw corruptTar(`a sparse file with more than ${limit} parts`);
  }

  #beginData(): void {
    const version = this.#record('GNU.sparse.major');
    if (version === '1' && this.#header !== undefined && isFile(this.#header.typeflag)) {
      this.#mapNewlines = 0;
      this.#mapNewlinesWanted = 1;
      this.#state = 'sparse-map';
    } else {
      this.#announce(undefined, 0);
    }
  }

  #record(key: ByteString): ByteString | undefined {
    const local = this.#overrides.records?.findLast(([name]) => name === key)?.[1];
    return local ?? this.#globals.get(key);
  }

  #parseMapBlock(block: Buffer): void {
    this.#mapBlocks.push(Buffer.from(block));
    for (let at = block.indexOf(0x0a); at !== -1; at = block.indexOf(0x0a, at + 1)) this.#mapNewlines++;
    if (this.#mapBlocks.length === 1) {
      const count = Number(block.toString('latin1', 0, Math.max(0, block.indexOf(0x0a))));
      if (!Number.isInteger(count)) throw corruptTar('a sparse map has no count');
      this.#checkSegmentCount(count);
      this.#mapNewlinesWanted = 1 + 2 * count;
    }
    // 21 bytes hold any number of a map, so one that needs more blocks than this has an endless number in it.
    if (this.#mapBlocks.length * TAR_BLOCK_BYTES > this.#mapNewlinesWanted * 21 + TAR_BLOCK_BYTES) {
      throw corruptTar('a sparse map has an endless number');
    }
    if (this.#mapNewlines < this.#mapNewlinesWanted) return;
    const map = Buffer.concat(this.#mapBlocks);
    this.#mapBlocks = [];
    this.#announce(parseSparseMap(map), map.length);
  }

  /** `mapBytes`: how much of the data the sparse map took. */
  #announce(map: readonly SparsePair[] | undefined, mapBytes: number): void {
    const header = this.#header;
    if (header === undefined) throw corruptTar('data without a header');
    const entry = buildTarEntry({
      header,
      headerOffset: this.#headerOffset,
      dataOffset: this.#offset,
      mapBytes,
      map: map ?? this.#oldSparse?.pairs,
      oldSparseSizeBytes: this.#oldSparse?.sizeBytes,
      overrides: this.#overrides,
      globals: this.#globals,
      limits: this.#limits,
    });
    this.#overrides = {};
    this.#extensionBytes = 0;
    this.#oldSparse = undefined;
    this.#left = entry.dataBytes;
    this.#padding = paddedBytes(entry.dataBytes) - entry.dataBytes;
    this.#state = 'body';
    this.#events.onEntry(entry);
    if (entry.dataBytes === 0) this.#endBody();
  }

  #endBody(): void {
    if (this.#state !== 'body') return;
    this.#events.onEntryEnd?.();
    this.#left = this.#padding;
    this.#state = this.#padding === 0 ? 'header' : 'padding';
  }
}

const isExtension = (typeflag: string): boolean => 'xgLKXV'.includes(typeflag);
const isFile = (typeflag: string): boolean => '0\x007'.includes(typeflag);
const hasOverrides = ({ longName, longLink, records }: Overrides): boolean =>
  longName !== undefined || longLink !== undefined || records !== undefined;

function untilNul(data: Buffer): ByteString {
  const end = data.indexOf(0);
  return data.toString('latin1', 0, end === -1 ? data.length : end);
}
