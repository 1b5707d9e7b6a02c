import { EngineError } from '#/base/errors.ts';

/** The version of the Engine API in which a request is spoken; all have major 1. */
export interface ApiVersion {
  readonly minor: number;
  readonly text: string;
}

export const API_VERSION_MAX = '1.51';
export const API_VERSION_MIN = '1.24';

const minorOf = (text: string): number => Number(text.split('.')[1]);

/** A version as it stands in a path; none means the newest. Throws invalid-argument, with Docker's texts, outside the range. */
export function parseVersion(text: string | undefined): ApiVersion {
  if (text === undefined) return { minor: minorOf(API_VERSION_MAX), text: API_VERSION_MAX };
  const [major, minor] = text.split('.').map(Number);
  if (major === undefined || minor === undefined || major < 1 || (major === 1 && minor < minorOf(API_VERSION_MIN))) {
    throw new EngineError(
      'invalid-argument',
      `client version ${text} is too old. Minimum supported API version is ${API_VERSION_MIN}, please upgrade your client to a newer version`,
    );
  }
  if (major > 1 || minor > minorOf(API_VERSION_MAX)) {
    throw new EngineError(
      'invalid-argument',
      `client version ${text} is too new. Maximum supported API version is ${API_VERSION_MAX}`,
    );
  }
  return { minor, text };
}
