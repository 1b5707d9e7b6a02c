import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgramRunner } from '#/linux/process.ts';
import { hostCodename, readAptOptions, readAptSources } from './apt-host.ts';
import { type AptSource, printSource, sourcesForSuite } from './apt-sources.ts';
import type { BootstrapDeps, ProvideImageOptions } from './bootstrap.ts';
import { ensureProgram } from './install.ts';
import { runMmdebstrap } from './mmdebstrap.ts';
import { hostPlatform, IMAGE_PATH } from './platform.ts';
import { tarHeader } from './tar.ts';

export const DEBIAN_SUITES = ['bookworm', 'trixie'] as const;
export type DebianSuite = (typeof DEBIAN_SUITES)[number];

const SUITE_DEFAULT: DebianSuite = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The suite of the machine itself, where it is one that Gantry knows; otherwise the newest. */
export function hostSuite(): DebianSuite {
  const codename = hostCodename();
  return DEBIAN_SUITES.find((suite) => suite === codename) ?? SUITE_DEFAULT;
}

/**
 * An image of a minimal Debian, by mmdebstrap, from the mirrors that this machine's apt uses. Signatures are always checked,
 * against the keyring that the machine's sources name. Throws unavailable with mmdebstrap's last words.
 */
export async function importDebian(
  deps: BootstrapDeps,
  suite: DebianSuite,
  references: readonly string[],
  options: ProvideImageOptions,
): Promise<void> {
  const { programs, dataRoot } = deps;
  await ensureTools(programs, options);
  const directory = join(dataRoot, 'bootstrap', suite);
  await removeTree(deps, directory);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const created = new Date().toISOString();
  const config = {
    ...hostPlatform(),
    created,
    config: { Env: [IMAGE_PATH], Cmd: ['bash'] },
    history: [{ created, created_by: `gantry: mmdebstrap --variant=minbase ${suite}` }],
  };
  try {
    const tree = runMmdebstrap(programs, await argumentsFor(programs, suite), directory, options);
    const layers = [withDevDirectory(tree, Date.parse(created))];
    await deps.images.importImage({ config, layers, references }, signalOf(options));
  } finally {
    await removeTree(deps, directory);
  }
}

/** mmdebstrap writes /dev with its device nodes or not at all; a container needs the place for its own and no nodes. */
async function* withDevDirectory(tree: AsyncIterable<Uint8Array>, createdMs: number): AsyncGenerator<Uint8Array> {
  yield tarHeader({ kind: 'directory', name: './dev', mode: 0o755 }, Math.floor(createdMs / 1000));
  yield* tree;
}

async function ensureTools(programs: ProgramRunner, { signal, onProgress }: ProvideImageOptions): Promise<void> {
  if ((await programs.find('mmdebstrap')) === undefined) {
    onProgress?.('Installing mmdebstrap from the distribution');
    await ensureProgram(programs, 'mmdebstrap', signal);
  }
  if (!existsSync(KEYRING)) await ensureProgram(programs, 'debian-keyring', signal);
}

/**
 * Its tree holds bind mounts of /dev and /proc until it has cleaned up, and rm must never walk into those: hence
 * --one-file-system, and no `fs.rm`.
 */
async function removeTree({ programs, log }: BootstrapDeps, directory: string): Promise<void> {
  const { code, stderr } = await programs.run('rm', ['-rf', '--one-file-system', directory]);
  if (code !== 0) log.warn({ directory, stderr }, 'leftovers of an image that was assembled cannot be removed');
}

const signalOf = ({ signal }: ProvideImageOptions) => (signal === undefined ? {} : { signal });

async function argumentsFor(programs: ProgramRunner, suite: DebianSuite): Promise<string[]> {
  const sources = sourcesForSuite(readAptSources(), hostCodename() ?? '', suite);
  const lines = (sources.length > 0 ? sources : defaultSources(suite)).map(printSource);
  const aptOptions = (await readAptOptions(programs)).map((line) => `--aptopt=${line}`);
  return [
    '--mode=root',
    '--variant=minbase',
    '--format=tar',
    '--skip=output/dev',
    '--skip=chroot/policy-rc.d',
    '--dpkgopt=force-unsafe-io',
    ...aptOptions,
    `--extract-hook=${HOLD_SERVICES}`,
    `--customize-hook=${CUSTOMIZE}`,
    suite,
    '-',
    ...lines,
  ];
}

/** Packages ask this file whether they may start services: there is no service manager, now and in any container. */
const HOLD_SERVICES = [
  'set -e',
  'printf \'#!/bin/sh\\nexit 101\\n\' >"$1/usr/sbin/policy-rc.d"',
  'chmod 755 "$1/usr/sbin/policy-rc.d"',
].join('\n');

/** Takes out what is this machine's or of this moment only, and keeps the package lists of containers small. */
const CUSTOMIZE = [
  'set -e',
  'for file in resolv.conf hostname; do : >"$1/etc/$file"; chmod 644 "$1/etc/$file"; done',
  'rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"',
  'printf \'Acquire::Languages "none";\\nAPT::Keep-Downloaded-Packages "false";\\n\' >"$1/etc/apt/apt.conf.d/container"',
  'mv "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/container"',
].join('\n');

function defaultSources(suite: DebianSuite): readonly AptSource[] {
  const from = (path: string, name: string): AptSource => ({
    uri: `http://deb.debian.org/${path}`,
    suite: name,
    components: ['main'],
    signedBy: KEYRING,
  });
  return [from('debian', suite), from('debian', `${suite}-updates`), from('debian-security', `${suite}-security`)];
}
