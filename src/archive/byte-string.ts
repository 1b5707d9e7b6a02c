/**
 * Names in tars and on Linux are bytes, not text. A *byte string* keeps them exactly: one character per byte (0–255).
 * Comparing byte strings compares bytes, as directories on disk are sorted.
 */
export type ByteString = string;

export const bytesOf = (name: ByteString): Buffer => Buffer.from(name, 'latin1');
export const byteStringOf = (bytes: Uint8Array): ByteString =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
/** The bytes read as UTF-8, for people and for JSON; what is not UTF-8 becomes U+FFFD. */
export const textOf = (name: ByteString): string => bytesOf(name).toString('utf8');
export const byteStringOfText = (text: string): ByteString => Buffer.from(text, 'utf8').toString('latin1');
/** The name as an error message quotes it. */
export const quote = (name: ByteString): string => JSON.stringify(textOf(name));
