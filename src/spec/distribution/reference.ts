import { EngineError } from '#/base/errors.ts';
import { type Digest, isDigest } from '#/base/ids.ts';

/**
 * The name of an image: `[domain/]path[:tag][@digest]`, with Docker's short forms spelled out (`busybox` is
 * `docker.io/library/busybox`). Made by `parseReference` only. Grammar: https://github.com/distribution/reference.
 */
export interface ImageReference {
  /** Host of the registry, with its port where it has one. */
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest';
const PATH_LENGTH_MAX = 255;

const DOMAIN_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const DOMAIN = `(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const PATH_COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const TAG = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const ANY_DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const REFERENCE = new RegExp(
  `^(${DOMAIN})/(${PATH_COMPONENT}(?:/${PATH_COMPONENT})*)(?::(${TAG}))?(?:@(${ANY_DIGEST}))?$`,
);
const HEX_64 = /^[0-9a-f]{64}$/;
/** Longer texts cannot be valid; refusing them early keeps the matching cheap. */
const TEXT_LENGTH_MAX = 1024;

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

/** Throws invalid-argument with Docker's texts. No tag is added; see `withDefaultTag`. */
export function parseReference(text: string): ImageReference {
  if (HEX_64.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  }
  if (text.length > TEXT_LENGTH_MAX) throw invalid('invalid reference format');
  const { domain, remainder } = splitDomain(text);
  const remote = remainder.split(':', 1)[0] ?? '';
  if (remote !== remote.toLowerCase()) {
    throw invalid(`invalid reference format: repository name (${remote}) must be lowercase`);
  }
  const [, , path, tag, digest] = REFERENCE.exec(`${domain}/${remainder}`) ?? [];
  if (path === undefined) throw invalid('invalid reference format');
  if (path.length > PATH_LENGTH_MAX) {
    throw invalid(`repository name must not be more than ${PATH_LENGTH_MAX} characters`);
  }
  if (digest !== undefined && !isDigest(digest)) throw invalid(digestProblem(digest));
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function digestProblem(digest: string): string {
  const [algorithm, hex = ''] = digest.split(':', 2);
  if (algorithm !== 'sha256') return `unsupported digest algorithm: ${algorithm} (sha256 expected)`;
  return hex.length === 64 ? 'invalid checksum digest format' : 'invalid checksum digest length';
}

/** What stands before the first slash is a registry only if it looks like a host; otherwise it is Docker's own registry. */
function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  if (slash === -1 || !looksLikeHost(first)) return inDefaultDomain(text);
  if (first === DEFAULT_DOMAIN || first === LEGACY_DOMAIN) return inDefaultDomain(text.slice(slash + 1));
  return { domain: first, remainder: text.slice(slash + 1) };
}

const looksLikeHost = (text: string): boolean =>
  text === 'localhost' || /[.:]/.test(text) || text !== text.toLowerCase();

function inDefaultDomain(remainder: string): { domain: string; remainder: string } {
  return { domain: DEFAULT_DOMAIN, remainder: remainder.includes('/') ? remainder : `${OFFICIAL_PREFIX}${remainder}` };
}

/** The reference itself if it has a tag or a digest; otherwise the one tagged `latest`. */
export function withDefaultTag(reference: ImageReference): ImageReference {
  return reference.tag !== undefined || reference.digest !== undefined ? reference : { ...reference, tag: DEFAULT_TAG };
}

/** Without tag and digest, in full: `docker.io/library/busybox`. */
export const printRepository = ({ domain, path }: ImageReference): string => `${domain}/${path}`;

/** In full: `docker.io/library/busybox:latest`. */
export const printFull = (reference: ImageReference): string => printRepository(reference) + suffixOf(reference);

/** As people write the repository: `busybox`. */
export function printFamiliarRepository({ domain, path }: ImageReference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const official = path.startsWith(OFFICIAL_PREFIX) && path.indexOf('/', OFFICIAL_PREFIX.length) === -1;
  if (official) return path.slice(OFFICIAL_PREFIX.length);
  // A path such as `localhost/x` would be read back as another registry's.
  return looksLikeHost(path.split('/', 1)[0] ?? '') ? `${domain}/${path}` : path;
}

/** As people write it, and as Docker prints it: `busybox:latest`. Parsing it gives the same reference again. */
export const printFamiliar = (reference: ImageReference): string =>
  printFamiliarRepository(reference) + suffixOf(reference);

function suffixOf({ tag, digest }: ImageReference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}
