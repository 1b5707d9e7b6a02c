import { EngineError } from '#/base/errors.ts';

const ARCHITECTURES: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  x64: { architecture: 'amd64' },
  arm64: { architecture: 'arm64', variant: 'v8' },
};

/** This machine as an image config names it. */
export function hostPlatform(): { readonly os: 'linux'; readonly architecture: string; readonly variant?: string } {
  const found = ARCHITECTURES[process.arch];
  if (found === undefined) {
    throw new EngineError('not-implemented', `images cannot be assembled on the architecture ${process.arch}`);
  }
  return { os: 'linux', ...found };
}

export const IMAGE_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
