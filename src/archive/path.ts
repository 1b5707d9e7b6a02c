import { EngineError } from '#/base/errors.ts';
import { type ByteString, quote } from './byte-string.ts';

const DEPTH_MAX = 1024;
const COMPONENT_BYTES_MAX = 255;

/**
 * The components of a name in an archive, as seen from the archive's root: leading slashes, empty components and `.` mean
 * nothing there and are dropped; the root itself is the empty list. Throws data-loss for names that could mean something
 * outside (`..` anywhere, NUL) or that no file system takes (components over 255 bytes, more than 1024 of them).
 */
export function cleanEntryPath(name: ByteString): readonly ByteString[] {
  if (name.includes('\0')) throw refuse(name, 'it contains a NUL byte');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length > DEPTH_MAX) throw refuse(name.slice(0, 60), `it is more than ${DEPTH_MAX} directories deep`);
  for (const part of parts) {
    if (part === '..') throw refuse(name, '".." could lead out of the archive');
    if (part.length > COMPONENT_BYTES_MAX) throw refuse(part, `it is longer than ${COMPONENT_BYTES_MAX} bytes`);
  }
  return parts;
}

function refuse(name: ByteString, why: string): EngineError {
  return new EngineError('data-loss', `invalid tar: the name ${quote(name)} is refused: ${why}`);
}
