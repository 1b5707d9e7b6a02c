import { type ByteString, quote } from './byte-string.ts';
import { corruptTar } from './tar-entry.ts';

const PREFIX = '.wh.';
const OPAQUE = '.wh..wh..opq';
const META_PREFIX = '.wh..wh.';

/** What the name of an entry says about the layers below. Source: OCI image spec, layer.md, "Whiteouts". */
export type Whiteout =
  | { readonly kind: 'none' }
  /** Hides what layers below have at this name. */
  | { readonly kind: 'hide'; readonly name: ByteString }
  /** Hides everything that layers below have in this directory. */
  | { readonly kind: 'opaque' }
  /** Bookkeeping of aufs, to be left out. */
  | { readonly kind: 'ignore' };

/** Reads the last component of an entry's path. Throws data-loss for a whiteout of no name, `.` or `..`. */
export function parseWhiteout(component: ByteString): Whiteout {
  if (!component.startsWith(PREFIX)) return { kind: 'none' };
  if (component === OPAQUE) return { kind: 'opaque' };
  if (component.startsWith(META_PREFIX)) return { kind: 'ignore' };
  const name = component.slice(PREFIX.length);
  if (name === '' || name === '.' || name === '..') throw corruptTar(`the whiteout ${quote(component)} names nothing`);
  return { kind: 'hide', name };
}
