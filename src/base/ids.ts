import { randomBytes } from 'node:crypto';
import { EngineError } from './errors.ts';

declare const brand: unique symbol;
// Keyed by name, so that a type with two brands (a DiffId is a Digest) is both and not `never`.
type Brand<T, Name extends string> = T & { readonly [brand]: { readonly [key in Name]: true } };

/** 64 lower-case hex digits; the first 12 are the short id that people see. */
export type ContainerId = Brand<string, 'ContainerId'>;
/** 64 lower-case hex digits naming one exec session. */
export type ExecId = Brand<string, 'ExecId'>;
/** 64 lower-case hex digits naming one network. */
export type NetworkId = Brand<string, 'NetworkId'>;
/** `sha256:` and 64 lower-case hex digits: the hash of some bytes. */
export type Digest = Brand<string, 'Digest'>;
/** The digest of a layer's uncompressed tar. */
export type DiffId = Digest & Brand<string, 'DiffId'>;
/** The digest that identifies a layer together with all layers below it (OCI image spec, "Layer ChainID"). */
export type ChainId = Digest & Brand<string, 'ChainId'>;
/** The digest of an image's config. */
export type ImageId = Digest & Brand<string, 'ImageId'>;

const HEX_64 = /^[0-9a-f]{64}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

function randomHex64(): string {
  // An id of digits alone would be read as a number by tools that accept both; docker draws again too.
  for (;;) {
    const hex = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(hex)) return hex;
  }
}

export const newContainerId = (): ContainerId => randomHex64() as ContainerId;
export const newExecId = (): ExecId => randomHex64() as ExecId;
export const newNetworkId = (): NetworkId => randomHex64() as NetworkId;

function parseHex64(text: string, what: string): string {
  if (!HEX_64.test(text)) {
    throw new EngineError(
      'invalid-argument',
      `invalid ${what} ${JSON.stringify(text)}: 64 lower-case hex digits expected`,
    );
  }
  return text;
}

export const parseContainerId = (text: string): ContainerId => parseHex64(text, 'container id') as ContainerId;

export const isDigest = (text: string): text is Digest => DIGEST.test(text);

/** Throws invalid-argument unless the text is `sha256:` and 64 hex digits. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new EngineError(
      'invalid-argument',
      `invalid digest ${JSON.stringify(text)}: sha256:<64 hex digits> expected`,
    );
  }
  return text;
}

export const parseDiffId = (text: string): DiffId => parseDigest(text) as DiffId;
export const parseChainId = (text: string): ChainId => parseDigest(text) as ChainId;
export const parseImageId = (text: string): ImageId => parseDigest(text) as ImageId;

/** A digest from the raw hex of a finished sha256. */
export const digestOfHex = (hex: string): Digest => parseDigest(`sha256:${hex}`);

/** The hex part of a digest. */
export const hexOf = (digest: Digest): string => digest.slice('sha256:'.length);

/** The 12 digits that people see, of an id or a digest. */
export const shortId = (id: string): string => (id.startsWith('sha256:') ? id.slice(7, 19) : id.slice(0, 12));
