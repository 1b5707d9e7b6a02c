import { EngineError } from '#/base/errors.ts';
import type { OciPlatform } from '#/spec/oci/image.ts';

const ARCHITECTURE_ALIASES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  ia32: '386',
  armhf: 'arm',
};

const architectureOf = (name: string): string => ARCHITECTURE_ALIASES[name.toLowerCase()] ?? name.toLowerCase();

/** The platform that programs of this machine are built for. */
export const hostPlatform = (): OciPlatform => ({ os: 'linux', architecture: architectureOf(process.arch) });

/** `os/architecture[/variant]`, or an architecture alone. Throws invalid-argument for anything else. */
export function parsePlatform(text: string): OciPlatform {
  const parts = text.split('/');
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part))) {
    throw new EngineError('invalid-argument', `"${text}" is an invalid platform: os/architecture[/variant] expected`);
  }
  const [first = '', second, variant] = parts;
  if (second === undefined) {
    return first === 'linux' ? hostPlatform() : { os: 'linux', architecture: architectureOf(first) };
  }
  const platform = { os: first.toLowerCase(), architecture: architectureOf(second) };
  return variant === undefined ? platform : { ...platform, variant };
}

export const printPlatform = ({ os, architecture, variant }: OciPlatform): string =>
  variant === undefined || variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;

/** Whether what was found is what was wanted; a variant counts only where both name one. */
export function platformMatches(wanted: OciPlatform, found: OciPlatform): boolean {
  if (wanted.os !== found.os || wanted.architecture !== architectureOf(found.architecture)) return false;
  return !wanted.variant || !found.variant || wanted.variant === found.variant;
}
