import { fileURLToPath } from 'node:url';
import { EngineError } from '#/base/errors.ts';
import type { ProgramRunner } from '#/linux/process.ts';

const SETUP = fileURLToPath(new URL('../../scripts/setup.sh', import.meta.url));
const INSTALL_TIMEOUT_MS = 15 * 60_000;

/** A host program that `scripts/setup.sh` knows how to install. */
export type InstallableProgram = 'busybox' | 'mmdebstrap' | 'debian-keyring';

/** Installs a program with the distribution's package manager unless it is there. Throws unavailable with the reason. */
export async function ensureProgram(
  programs: ProgramRunner,
  name: InstallableProgram,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { code, stderr } = await programs.run('sh', [SETUP, 'program', name], {
    timeoutMs: INSTALL_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  if (code !== 0) throw new EngineError('unavailable', stderr.trim().replaceAll(/^gantry: /gm, ''));
}
