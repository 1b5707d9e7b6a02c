import { sniffCompression } from '#/archive/compression.ts';
import { isZeroBlock, parseHeader } from '#/archive/tar-header.ts';

/** How many bytes `sniff` needs, if there are as many: one tar header. */
export const SNIFF_BYTES = 512;

export type Sniffed = { readonly kind: 'layer' | 'document' } | { readonly kind: 'other'; readonly what: string };

/** Tells by its first bytes whether a file is a layer (a tar, perhaps compressed) or a JSON document. */
export function sniff(head: Buffer): Sniffed {
  if (head.byteLength === 0) return { kind: 'other', what: 'is empty' };
  const compression = sniffCompression(head);
  if (compression === 'gzip' || compression === 'zstd') return { kind: 'layer' };
  if (compression !== 'none') {
    return { kind: 'other', what: `is compressed with ${compression}, which is not supported (gzip and zstd are)` };
  }
  if (isTar(head)) return { kind: 'layer' };
  if (/^\s*[[{]/.test(head.toString('latin1', 0, SNIFF_BYTES))) return { kind: 'document' };
  return { kind: 'other', what: 'is neither a tar (plain, gzip or zstd) nor a JSON document' };
}

function isTar(head: Buffer): boolean {
  if (head.byteLength < SNIFF_BYTES) return false;
  const block = head.subarray(0, SNIFF_BYTES);
  if (isZeroBlock(block)) return true;
  try {
    parseHeader(block, 0);
    return true;
  } catch {
    return false;
  }
}
